// Names, codes and shapes of DHCPv4: message types, options and relay sub-options, and the one
// table of options that configuration, decoder and documentation read. Constant data; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace xdhcpd::dhcp4 {

// Option codes, named as IANA and Kea name them. Codes without an enumerator are unassigned or for
// private use; they are values of this type all the same. Source: IANA "BOOTP Vendor Extensions and
// DHCP Options".
enum class OptionCode : std::uint8_t {
    kPad = 0,
    kSubnetMask = 1,
    kTimeOffset = 2,
    kRouters = 3,
    kTimeServers = 4,
    kNameServers = 5,
    kDomainNameServers = 6,
    kLogServers = 7,
    kCookieServers = 8,
    kLprServers = 9,
    kImpressServers = 10,
    kResourceLocationServers = 11,
    kHostName = 12,
    kBootSize = 13,
    kMeritDump = 14,
    kDomainName = 15,
    kSwapServer = 16,
    kRootPath = 17,
    kExtensionsPath = 18,
    kIpForwarding = 19,
    kNonLocalSourceRouting = 20,
    kPolicyFilter = 21,
    kMaxDgramReassembly = 22,
    kDefaultIpTtl = 23,
    kPathMtuAgingTimeout = 24,
    kPathMtuPlateauTable = 25,
    kInterfaceMtu = 26,
    kAllSubnetsLocal = 27,
    kBroadcastAddress = 28,
    kPerformMaskDiscovery = 29,
    kMaskSupplier = 30,
    kRouterDiscovery = 31,
    kRouterSolicitationAddress = 32,
    kStaticRoutes = 33,
    kTrailerEncapsulation = 34,
    kArpCacheTimeout = 35,
    kIeee8023Encapsulation = 36,
    kDefaultTcpTtl = 37,
    kTcpKeepaliveInterval = 38,
    kTcpKeepaliveGarbage = 39,
    kNisDomain = 40,
    kNisServers = 41,
    kNtpServers = 42,
    kVendorEncapsulatedOptions = 43,
    kNetbiosNameServers = 44,
    kNetbiosDdServer = 45,
    kNetbiosNodeType = 46,
    kNetbiosScope = 47,
    kFontServers = 48,
    kXDisplayManager = 49,
    kRequestedAddress = 50,
    kLeaseTime = 51,
    kOverload = 52,
    kMessageType = 53,
    kServerIdentifier = 54,
    kParameterRequestList = 55,
    kMessage = 56,
    kMaxMessageSize = 57,
    kRenewalTime = 58,
    kRebindingTime = 59,
    kVendorClassIdentifier = 60,
    kClientIdentifier = 61,
    kNwipDomainName = 62,
    kNwipSuboptions = 63,
    kNisplusDomainName = 64,
    kNisplusServers = 65,
    kTftpServerName = 66,
    kBootFileName = 67,
    kMobileIpHomeAgent = 68,
    kSmtpServer = 69,
    kPopServer = 70,
    kNntpServer = 71,
    kWwwServer = 72,
    kFingerServer = 73,
    kIrcServer = 74,
    kStreettalkServer = 75,
    kStreettalkDirectoryAssistanceServer = 76,
    kUserClass = 77,
    kSlpDirectoryAgent = 78,
    kSlpServiceScope = 79,
    kRapidCommit = 80,
    kFqdn = 81,
    kRelayAgentInformation = 82,
    kIsns = 83,
    kNdsServers = 85,
    kNdsTreeName = 86,
    kNdsContext = 87,
    kBcmsControllerNames = 88,
    kBcmsControllerAddress = 89,
    kAuthentication = 90,
    kClientLastTransactionTime = 91,
    kAssociatedIp = 92,
    kClientSystem = 93,
    kClientNdi = 94,
    kLdap = 95,
    kUuidGuid = 97,
    kUapServers = 98,
    kGeoconfCivic = 99,
    kPcode = 100,
    kTcode = 101,
    kIpv6OnlyPreferred = 108,
    kDhcp4o6S46Saddr = 109,
    kNetinfoServerAddress = 112,
    kNetinfoServerTag = 113,
    kCaptivePortal = 114,
    kAutoConfig = 116,
    kNameServiceSearch = 117,
    kSubnetSelection = 118,
    kDomainSearch = 119,
    kSipServers = 120,
    kClasslessStaticRoute = 121,
    kCableLabsClientConfiguration = 122,
    kGeoconf = 123,
    kVivcoSuboptions = 124,
    kVivsoSuboptions = 125,
    kPxe128 = 128,
    kPxe129 = 129,
    kPxe130 = 130,
    kPxe131 = 131,
    kPxe132 = 132,
    kPxe133 = 133,
    kPxe134 = 134,
    kPxe135 = 135,
    kPanaAgent = 136,
    kV4Lost = 137,
    kCapwapAcV4 = 138,
    kIpv4AddressMos = 139,
    kIpv4FqdnMos = 140,
    kSipUaCsDomains = 141,
    kIpv4AddressAndsf = 142,
    kV4SztpRedirect = 143,
    kGeoloc = 144,
    kForceRenewNonceCapable = 145,
    kRdnssSelection = 146,
    kV4DotsRi = 147,
    kV4DotsAddress = 148,
    kTftpServerAddress = 150,
    kStatusCode = 151,
    kBaseTime = 152,
    kStartTimeOfState = 153,
    kQueryStartTime = 154,
    kQueryEndTime = 155,
    kDhcpState = 156,
    kDataSource = 157,
    kV4PcpServer = 158,
    kV4Portparams = 159,
    kMudUrl = 161,
    kV4Dnr = 162,
    kEtherboot = 175,
    kIpTelephone = 176,
    kPacketCable = 177,
    kPxelinuxMagic = 208,
    kPxelinuxConfigFile = 209,
    kPxelinuxPathPrefix = 210,
    kPxelinuxRebootTime = 211,
    kSixRd = 212,
    kV4AccessDomain = 213,
    kSubnetAllocation = 220,
    kVirtualSubnetSelection = 221,
    kEnd = 255,
};
inline constexpr std::size_t kOptionCodeCount = 256;

// Sub-options of option 82. Source: IANA "DHCP Relay Agent Sub-Option Codes".
enum class RelaySuboption : std::uint8_t {
    kCircuitId = 1,              // RFC 3046
    kRemoteId = 2,               // RFC 3046
    kDocsisDeviceClass = 4,      // RFC 3256
    kLinkSelection = 5,          // RFC 3527
    kSubscriberId = 6,           // RFC 3993
    kRadiusAttributes = 7,       // RFC 4014
    kAuthentication = 8,         // RFC 4030
    kVendorSpecific = 9,         // RFC 4243
    kRelayFlags = 10,            // RFC 5010
    kServerIdOverride = 11,      // RFC 5107
    kRelayId = 12,               // RFC 6925
    kAccessTechnologyType = 13,  // RFC 7839
    kAccessNetworkName = 14,     // RFC 7839
    kAccessPointName = 15,       // RFC 7839
    kAccessPointBssid = 16,      // RFC 7839
    kOperatorId = 17,            // RFC 7839
    kOperatorRealm = 18,         // RFC 7839
    kRelaySourcePort = 19,       // RFC 8357
    kVirtualSubnet = 151,        // RFC 6607
    kVirtualSubnetControl = 152  // RFC 6607
};
// "circuit-id"; empty for a code that IANA has not assigned.
[[nodiscard]] std::string_view name(RelaySuboption code) noexcept;

// Value of option 53. Source: IANA "DHCP Message Type 53 Values".
enum class MessageType : std::uint8_t {
    kNone = 0,  // no option 53: plain BOOTP (RFC 951)
    kDiscover = 1,
    kOffer = 2,
    kRequest = 3,
    kDecline = 4,
    kAck = 5,
    kNak = 6,
    kRelease = 7,
    kInform = 8,
    kForceRenew = 9,         // RFC 3203
    kLeaseQuery = 10,        // RFC 4388
    kLeaseUnassigned = 11,   // RFC 4388
    kLeaseUnknown = 12,      // RFC 4388
    kLeaseActive = 13,       // RFC 4388
    kBulkLeaseQuery = 14,    // RFC 6926
    kLeaseQueryDone = 15,    // RFC 6926
    kActiveLeaseQuery = 16,  // RFC 7724
    kLeaseQueryStatus = 17,  // RFC 7724
    kTls = 18,               // RFC 7724
};
inline constexpr std::size_t kMessageTypeCount = 19;
// "discover", "force-renew", "bootp" for kNone; "unknown" for a value outside the enum.
[[nodiscard]] std::string_view name(MessageType type) noexcept;

// Shape of an option's value. Integers are in network order on the wire.
enum class OptionType : std::uint8_t {
    kEmpty,  // no value
    kFlag,   // one octet, 0 or 1
    kU8,
    kU16,
    kU32,
    kI32,      // seconds, may be negative
    kSeconds,  // 32-bit unsigned seconds, 0xffffffff is infinite
    kIpv4,
    kIpv4Pair,  // two addresses: address and mask, or destination and router
    kIpv6,
    kText,             // octets without terminating NUL
    kDomainName,       // one name, RFC 1035 section 3.1
    kDomainList,       // names one after another, RFC 1035; decoding follows compression (RFC 3397)
    kClasslessRoutes,  // RFC 3442
    kBytes,            // anything else: hexadecimal for people
    kSuboptions,       // code, length, value triples (hexadecimal for people)
    kOptionCodes,      // one octet each, option codes (option 55)
    kMessageType,      // option 53
    kFqdn,             // option 81, RFC 4702
    kSipServers,       // option 120, RFC 3361: names or addresses behind an encoding octet
    kSlpAgents,        // option 78, RFC 2610: "mandatory" octet, then addresses
    kSlpScope,         // option 79, RFC 2610: "mandatory" octet, then text
};

// One row of the registry.
struct OptionInfo {
    OptionCode code;
    std::string_view name;  // "domain-name-servers"; "option-84" where IANA has no name
    OptionType type;
    bool list;                   // takes several values; each of the type's own length
    std::uint16_t min_len;       // octets of the whole value
    std::uint16_t max_len;       // likewise; kUnlimitedLen where the standard sets no limit
    std::string_view reference;  // "RFC 2132 section 3.5"; "unassigned", "private use"
    bool configurable;  // false for what the server computes, or what only clients and relays send
};
inline constexpr std::uint16_t kUnlimitedLen = 0xffff;

// The row of a code; every code has one.
[[nodiscard]] const OptionInfo& option_info(OptionCode code) noexcept;
// The row of a name, or null.
[[nodiscard]] const OptionInfo* find_option(std::string_view name) noexcept;
// All 256 rows; the row of code n is at index n.
[[nodiscard]] std::span<const OptionInfo> option_registry() noexcept;
// The configurable option that `misspelt` probably means: a customary other name ("dns-servers") or
// the name with the smallest edit distance; empty if none is near. Cold path, allocates.
[[nodiscard]] std::string_view nearest_option_name(std::string_view misspelt);

}  // namespace xdhcpd::dhcp4
