// Names, codes and shapes of DHCPv6: message types, status codes, and the one table of options that
// configuration, decoder and documentation read. Constant data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace xdhcpd::dhcp6 {

// Option codes, named as IANA and Kea name them. Codes without an enumerator are values of this
// type all the same. Source: IANA "Dynamic Host Configuration Protocol for IPv6 (DHCPv6)".
enum class OptionCode : std::uint16_t {
    kClientId = 1,
    kServerId = 2,
    kIaNa = 3,
    kIaTa = 4,
    kIaAddress = 5,
    kOptionRequest = 6,
    kPreference = 7,
    kElapsedTime = 8,
    kRelayMessage = 9,
    kAuthentication = 11,
    kUnicast = 12,
    kStatusCode = 13,
    kRapidCommit = 14,
    kUserClass = 15,
    kVendorClass = 16,
    kVendorOptions = 17,
    kInterfaceId = 18,
    kReconfigureMessage = 19,
    kReconfigureAccept = 20,
    kSipServerDns = 21,
    kSipServerAddress = 22,
    kDnsServers = 23,
    kDomainSearch = 24,
    kIaPd = 25,
    kIaPrefix = 26,
    kNisServers = 27,
    kNispServers = 28,
    kNisDomainName = 29,
    kNispDomainName = 30,
    kSntpServers = 31,
    kInformationRefreshTime = 32,
    kBcmcsServerDns = 33,
    kBcmcsServerAddress = 34,
    kGeoconfCivic = 36,
    kRemoteId = 37,
    kSubscriberId = 38,
    kClientFqdn = 39,
    kPanaAgent = 40,
    kNewPosixTimezone = 41,
    kNewTzdbTimezone = 42,
    kEchoRequest = 43,
    kLqQuery = 44,
    kClientData = 45,
    kCltTime = 46,
    kLqRelayData = 47,
    kLqClientLink = 48,
    kMip6Hnidf = 49,
    kMip6Vdinf = 50,
    kV6Lost = 51,
    kCapwapAcV6 = 52,
    kRelayId = 53,
    kIpv6AddressMos = 54,
    kIpv6FqdnMos = 55,
    kNtpServer = 56,
    kV6AccessDomain = 57,
    kSipUaCsList = 58,
    kBootfileUrl = 59,
    kBootfileParam = 60,
    kClientArchType = 61,
    kNii = 62,
    kGeolocation = 63,
    kAftrName = 64,
    kErpLocalDomainName = 65,
    kRsoo = 66,
    kPdExclude = 67,
    kVss = 68,
    kMip6Idinf = 69,
    kMip6Udinf = 70,
    kMip6Hnp = 71,
    kMip6Haa = 72,
    kMip6Haf = 73,
    kRdnssSelection = 74,
    kKrbPrincipalName = 75,
    kKrbRealmName = 76,
    kKrbDefaultRealmName = 77,
    kKrbKdc = 78,
    kClientLinkLayer = 79,
    kLinkAddress = 80,
    kRadius = 81,
    kSolMaxRt = 82,
    kInfMaxRt = 83,
    kAddrsel = 84,
    kAddrselTable = 85,
    kV6PcpServer = 86,
    kDhcpv4Message = 87,
    kDhcp4o6Server = 88,
    kS46Rule = 89,
    kS46Br = 90,
    kS46Dmr = 91,
    kS46V4v6bind = 92,
    kS46Portparams = 93,
    kS46ContMape = 94,
    kS46ContMapt = 95,
    kS46ContLw = 96,
    kFourRd = 97,
    kFourRdMapRule = 98,
    kFourRdNonMapRule = 99,
    kLqBaseTime = 100,
    kLqStartTime = 101,
    kLqEndTime = 102,
    kCaptivePortal = 103,
    kMplParameters = 104,
    kAniAtt = 105,
    kAniNetworkName = 106,
    kAniApName = 107,
    kAniApBssid = 108,
    kAniOperatorId = 109,
    kAniOperatorRealm = 110,
    kS46Priority = 111,
    kMudUrl = 112,
    kV6Prefix64 = 113,
    kFBindingStatus = 114,
    kFConnectFlags = 115,
    kFDnsRemovalInfo = 116,
    kFDnsHostName = 117,
    kFDnsZoneName = 118,
    kFDnsFlags = 119,
    kFExpirationTime = 120,
    kFMaxUnackedBndupd = 121,
    kFMclt = 122,
    kFPartnerLifetime = 123,
    kFPartnerLifetimeSent = 124,
    kFPartnerDownTime = 125,
    kFPartnerRawCltTime = 126,
    kFProtocolVersion = 127,
    kFKeepaliveTime = 128,
    kFReconfigureData = 129,
    kFRelationshipName = 130,
    kFServerFlags = 131,
    kFServerState = 132,
    kFStartTimeOfState = 133,
    kFStateExpirationTime = 134,
    kRelayPort = 135,
    kV6SztpRedirect = 136,
    kS46BindIpv6Prefix = 137,
    kIaLl = 138,
    kLladdr = 139,
    kSlapQuad = 140,
    kV6DotsRi = 141,
    kV6DotsAddress = 142,
    kIpv6AddressAndsf = 143,
    kV6Dnr = 144,
    kRegisteredDomain = 145,
    kForwardDistManager = 146,
    kReverseDistManager = 147,
    kAddrRegEnable = 148,
};

// Source: IANA, likewise. From kStartTls on they travel over TCP.
enum class MessageType : std::uint8_t {
    kNone = 0,
    kSolicit = 1,  // RFC 8415 section 7.3
    kAdvertise = 2,
    kRequest = 3,
    kConfirm = 4,
    kRenew = 5,
    kRebind = 6,
    kReply = 7,
    kRelease = 8,
    kDecline = 9,
    kReconfigure = 10,
    kInformationRequest = 11,
    kRelayForward = 12,
    kRelayReply = 13,
    kLeaseQuery = 14,  // RFC 5007
    kLeaseQueryReply = 15,
    kLeaseQueryDone = 16,  // RFC 5460
    kLeaseQueryData = 17,
    kReconfigureRequest = 18,  // RFC 6977
    kReconfigureReply = 19,
    kDhcpv4Query = 20,  // RFC 7341
    kDhcpv4Response = 21,
    kActiveLeaseQuery = 22,  // RFC 7653
    kStartTls = 23,
    kBindingUpdate = 24,  // RFC 8156
    kBindingReply = 25,
    kPoolRequest = 26,
    kPoolResponse = 27,
    kUpdateRequest = 28,
    kUpdateRequestAll = 29,
    kUpdateDone = 30,
    kConnect = 31,
    kConnectReply = 32,
    kDisconnect = 33,
    kState = 34,
    kContact = 35,
    kAddressRegistrationInform = 36,  // RFC 9686
    kAddressRegistrationReply = 37,
};
inline constexpr std::size_t kMessageTypeCount = 38;
// "information-request"; "unknown" for a value outside the enum, kNone included.
[[nodiscard]] std::string_view name(MessageType type) noexcept;

// Source: RFC 8415 section 21.13. Codes of other protocols' are values of this type all the same.
enum class StatusCode : std::uint16_t {
    kSuccess = 0,
    kUnspecFail = 1,
    kNoAddrsAvail = 2,
    kNoBinding = 3,
    kNotOnLink = 4,
    kUseMulticast = 5,
    kNoPrefixAvail = 6,
};
// "no-binding"; empty for a code without an enumerator.
[[nodiscard]] std::string_view name(StatusCode code) noexcept;

// Shape of an option's value. Integers are in network order on the wire.
enum class OptionType : std::uint8_t {
    kEmpty,  // no value
    kU8,
    kU16,
    kU32,
    kSeconds,  // 32-bit unsigned seconds, 0xffffffff is infinite
    kIpv6,
    kText,           // octets without terminating NUL
    kTexts,          // texts, each behind 16 bits of length
    kDomainName,     // one name, RFC 1035 section 3.1
    kDomainList,     // names one after another
    kBytes,          // anything else: hexadecimal for people
    kOptionCodes,    // 16 bits each
    kOptions,        // options of its own: code, length, value
    kVendorClass,    // enterprise number, then texts as kTexts
    kVendorOptions,  // enterprise number, then options as kOptions
    kNtpServers,     // options as kOptions: addresses, groups and names (RFC 5908 section 4)
    kRemoteId,       // enterprise number, then bytes
    kLinkLayer,      // 16 bits of hardware type, then address
    kFqdn,           // flags, then a name, perhaps without its root (RFC 4704 section 4)
    kStatusCode,     // 16 bits of code, then text
    kIaNa,           // IAID, T1, T2, options
    kIaTa,           // IAID, options
    kIaPd,           // IAID, T1, T2, options
    kIaAddress,      // address, preferred and valid lifetime, options
    kIaPrefix,       // preferred and valid lifetime, prefix length, prefix, options
};

// One row of the registry.
struct OptionInfo {
    OptionCode code;
    std::string_view name;  // "dns-servers"; "option-10" where IANA has no name
    OptionType type;
    bool list;                   // takes several values; each of the type's own length
    std::uint16_t min_len;       // octets of the whole value
    std::uint16_t max_len;       // likewise; kUnlimitedLen where the standard sets no limit
    std::string_view reference;  // "RFC 3646 section 3"; "unassigned"
    bool configurable;  // false for what the server computes, or what only clients and relays send
};
inline constexpr std::uint16_t kUnlimitedLen = 0xffff;

// All rows; the row of code n is at index n.
[[nodiscard]] std::span<const OptionInfo> option_registry() noexcept;
// The row of a code; null above the last code that the registry has, which stand for any bytes.
[[nodiscard]] const OptionInfo* option_info(OptionCode code) noexcept;
// The row of a name, or null.
[[nodiscard]] const OptionInfo* find_option(std::string_view name) noexcept;
// The code of a registered name or of "option-1234", for whoever knows what its clients expect.
[[nodiscard]] std::optional<OptionCode> find_option_code(std::string_view name) noexcept;
// "dns-servers", "option-1234". Allocates.
[[nodiscard]] std::string option_name(OptionCode code);
// The configurable option that `misspelt` probably means: a customary other name
// ("domain-name-servers") or the name with the smallest edit distance; empty if none is near. Cold
// path, allocates.
[[nodiscard]] std::string_view nearest_option_name(std::string_view misspelt);

}  // namespace xdhcpd::dhcp6
