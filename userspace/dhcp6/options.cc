#include "dhcp6/options.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "option_value/nearest_name.h"

namespace xdhcpd::dhcp6 {
namespace {

using Code = OptionCode;
using Type = OptionType;

constexpr bool kOne = false;
constexpr bool kList = true;
constexpr bool kConfigurable = true;
constexpr bool kNotConfigurable = false;

// A code without an assigned name: hexadecimal, for whoever knows what its clients expect.
constexpr OptionInfo unassigned(std::uint16_t code, std::string_view name) {
    return {static_cast<Code>(code), name,         Type::kBytes, kOne, 0,
            kUnlimitedLen,           "unassigned", kConfigurable};
}

constexpr std::size_t kRowCount = 149;
constexpr std::array<OptionInfo, kRowCount> kRegistry{{
    unassigned(0, "option-0"),
    {Code::kClientId, "clientid", Type::kBytes, kOne, 3, 130, "RFC 8415 section 21.2",
     kNotConfigurable},
    {Code::kServerId, "serverid", Type::kBytes, kOne, 3, 130, "RFC 8415 section 21.3",
     kNotConfigurable},
    {Code::kIaNa, "ia-na", Type::kIaNa, kOne, 12, kUnlimitedLen, "RFC 8415 section 21.4",
     kNotConfigurable},
    {Code::kIaTa, "ia-ta", Type::kIaTa, kOne, 4, kUnlimitedLen, "RFC 8415 section 21.5",
     kNotConfigurable},
    {Code::kIaAddress, "iaaddr", Type::kIaAddress, kOne, 24, kUnlimitedLen, "RFC 8415 section 21.6",
     kNotConfigurable},
    {Code::kOptionRequest, "oro", Type::kOptionCodes, kList, 2, kUnlimitedLen,
     "RFC 8415 section 21.7", kNotConfigurable},
    {Code::kPreference, "preference", Type::kU8, kOne, 1, 1, "RFC 8415 section 21.8",
     kConfigurable},
    {Code::kElapsedTime, "elapsed-time", Type::kU16, kOne, 2, 2, "RFC 8415 section 21.9",
     kNotConfigurable},
    {Code::kRelayMessage, "relay-msg", Type::kBytes, kOne, 4, kUnlimitedLen,
     "RFC 8415 section 21.10", kNotConfigurable},
    unassigned(10, "option-10"),
    {Code::kAuthentication, "auth", Type::kBytes, kOne, 11, kUnlimitedLen, "RFC 8415 section 21.11",
     kNotConfigurable},
    {Code::kUnicast, "unicast", Type::kIpv6, kOne, 16, 16, "RFC 8415 section 21.12",
     kNotConfigurable},
    {Code::kStatusCode, "status-code", Type::kStatusCode, kOne, 2, kUnlimitedLen,
     "RFC 8415 section 21.13", kNotConfigurable},
    {Code::kRapidCommit, "rapid-commit", Type::kEmpty, kOne, 0, 0, "RFC 8415 section 21.14",
     kNotConfigurable},
    {Code::kUserClass, "user-class", Type::kTexts, kList, 2, kUnlimitedLen,
     "RFC 8415 section 21.15", kNotConfigurable},
    {Code::kVendorClass, "vendor-class", Type::kVendorClass, kList, 4, kUnlimitedLen,
     "RFC 8415 section 21.16", kConfigurable},
    {Code::kVendorOptions, "vendor-opts", Type::kVendorOptions, kList, 4, kUnlimitedLen,
     "RFC 8415 section 21.17", kConfigurable},
    {Code::kInterfaceId, "interface-id", Type::kBytes, kOne, 0, kUnlimitedLen,
     "RFC 8415 section 21.18", kNotConfigurable},
    {Code::kReconfigureMessage, "reconf-msg", Type::kU8, kOne, 1, 1, "RFC 8415 section 21.19",
     kNotConfigurable},
    {Code::kReconfigureAccept, "reconf-accept", Type::kEmpty, kOne, 0, 0, "RFC 8415 section 21.20",
     kNotConfigurable},
    {Code::kSipServerDns, "sip-server-dns", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 3319 section 3.1", kConfigurable},
    {Code::kSipServerAddress, "sip-server-addr", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 3319 section 3.2", kConfigurable},
    {Code::kDnsServers, "dns-servers", Type::kIpv6, kList, 16, kUnlimitedLen, "RFC 3646 section 3",
     kConfigurable},
    {Code::kDomainSearch, "domain-search", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 3646 section 4", kConfigurable},
    {Code::kIaPd, "ia-pd", Type::kIaPd, kOne, 12, kUnlimitedLen, "RFC 8415 section 21.21",
     kNotConfigurable},
    {Code::kIaPrefix, "iaprefix", Type::kIaPrefix, kOne, 25, kUnlimitedLen,
     "RFC 8415 section 21.22", kNotConfigurable},
    {Code::kNisServers, "nis-servers", Type::kIpv6, kList, 16, kUnlimitedLen, "RFC 3898 section 3",
     kConfigurable},
    {Code::kNispServers, "nisp-servers", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 3898 section 4", kConfigurable},
    {Code::kNisDomainName, "nis-domain-name", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 3898 section 5", kConfigurable},
    {Code::kNispDomainName, "nisp-domain-name", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 3898 section 6", kConfigurable},
    {Code::kSntpServers, "sntp-servers", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 4075 section 4", kConfigurable},
    {Code::kInformationRefreshTime, "information-refresh-time", Type::kSeconds, kOne, 4, 4,
     "RFC 8415 section 21.23", kConfigurable},
    {Code::kBcmcsServerDns, "bcmcs-server-dns", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 4280", kConfigurable},
    {Code::kBcmcsServerAddress, "bcmcs-server-addr", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 4280", kConfigurable},
    unassigned(35, "option-35"),
    {Code::kGeoconfCivic, "geoconf-civic", Type::kBytes, kOne, 3, kUnlimitedLen, "RFC 4776",
     kConfigurable},
    {Code::kRemoteId, "remote-id", Type::kRemoteId, kOne, 4, kUnlimitedLen, "RFC 4649 section 3",
     kNotConfigurable},
    {Code::kSubscriberId, "subscriber-id", Type::kBytes, kOne, 0, kUnlimitedLen,
     "RFC 4580 section 2", kNotConfigurable},
    {Code::kClientFqdn, "client-fqdn", Type::kFqdn, kOne, 1, kUnlimitedLen, "RFC 4704 section 4",
     kNotConfigurable},
    {Code::kPanaAgent, "pana-agent", Type::kIpv6, kList, 16, kUnlimitedLen, "RFC 5192",
     kConfigurable},
    {Code::kNewPosixTimezone, "new-posix-timezone", Type::kText, kOne, 1, kUnlimitedLen, "RFC 4833",
     kConfigurable},
    {Code::kNewTzdbTimezone, "new-tzdb-timezone", Type::kText, kOne, 1, kUnlimitedLen, "RFC 4833",
     kConfigurable},
    {Code::kEchoRequest, "ero", Type::kOptionCodes, kList, 2, kUnlimitedLen, "RFC 4994 section 3",
     kNotConfigurable},
    {Code::kLqQuery, "lq-query", Type::kBytes, kOne, 17, kUnlimitedLen, "RFC 5007 section 4.1.2.1",
     kNotConfigurable},
    {Code::kClientData, "client-data", Type::kOptions, kList, 0, kUnlimitedLen,
     "RFC 5007 section 4.1.2.2", kNotConfigurable},
    {Code::kCltTime, "clt-time", Type::kU32, kOne, 4, 4, "RFC 5007 section 4.1.2.3",
     kNotConfigurable},
    {Code::kLqRelayData, "lq-relay-data", Type::kBytes, kOne, 16, kUnlimitedLen,
     "RFC 5007 section 4.1.2.4", kNotConfigurable},
    {Code::kLqClientLink, "lq-client-link", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 5007 section 4.1.2.5", kNotConfigurable},
    {Code::kMip6Hnidf, "mip6-hnidf", Type::kDomainName, kOne, 0, 255, "RFC 6610", kConfigurable},
    {Code::kMip6Vdinf, "mip6-vdinf", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 6610",
     kConfigurable},
    {Code::kV6Lost, "v6-lost", Type::kDomainName, kOne, 1, 255, "RFC 5223 section 4",
     kConfigurable},
    {Code::kCapwapAcV6, "capwap-ac-v6", Type::kIpv6, kList, 16, kUnlimitedLen, "RFC 5417",
     kConfigurable},
    {Code::kRelayId, "relay-id", Type::kBytes, kOne, 3, 130, "RFC 5460 section 5.4.1",
     kNotConfigurable},
    {Code::kIpv6AddressMos, "ipv6-address-mos", Type::kOptions, kList, 4, kUnlimitedLen, "RFC 5678",
     kConfigurable},
    {Code::kIpv6FqdnMos, "ipv6-fqdn-mos", Type::kOptions, kList, 4, kUnlimitedLen, "RFC 5678",
     kConfigurable},
    {Code::kNtpServer, "ntp-server", Type::kNtpServers, kList, 4, kUnlimitedLen,
     "RFC 5908 section 4", kConfigurable},
    {Code::kV6AccessDomain, "v6-access-domain", Type::kDomainName, kOne, 1, 255,
     "RFC 5986 section 3", kConfigurable},
    {Code::kSipUaCsList, "sip-ua-cs-list", Type::kDomainList, kList, 1, kUnlimitedLen, "RFC 6011",
     kConfigurable},
    {Code::kBootfileUrl, "bootfile-url", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 5970 section 3.1", kConfigurable},
    {Code::kBootfileParam, "bootfile-param", Type::kTexts, kList, 2, kUnlimitedLen,
     "RFC 5970 section 3.2", kConfigurable},
    {Code::kClientArchType, "client-arch-type", Type::kU16, kList, 2, kUnlimitedLen,
     "RFC 5970 section 3.3", kNotConfigurable},
    {Code::kNii, "nii", Type::kBytes, kOne, 3, 3, "RFC 5970 section 3.4", kNotConfigurable},
    {Code::kGeolocation, "geolocation", Type::kBytes, kOne, 16, kUnlimitedLen, "RFC 6225",
     kConfigurable},
    {Code::kAftrName, "aftr-name", Type::kDomainName, kOne, 4, 255, "RFC 6334 section 3",
     kConfigurable},
    {Code::kErpLocalDomainName, "erp-local-domain-name", Type::kDomainName, kOne, 1, 255,
     "RFC 6440", kConfigurable},
    {Code::kRsoo, "rsoo", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 6422", kNotConfigurable},
    {Code::kPdExclude, "pd-exclude", Type::kBytes, kOne, 2, 17, "RFC 6603 section 4.2",
     kNotConfigurable},
    {Code::kVss, "vss", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 6607", kNotConfigurable},
    {Code::kMip6Idinf, "mip6-idinf", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 6610",
     kConfigurable},
    {Code::kMip6Udinf, "mip6-udinf", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 6610",
     kConfigurable},
    {Code::kMip6Hnp, "mip6-hnp", Type::kBytes, kOne, 17, 17, "RFC 6610", kConfigurable},
    {Code::kMip6Haa, "mip6-haa", Type::kIpv6, kOne, 16, 16, "RFC 6610", kConfigurable},
    {Code::kMip6Haf, "mip6-haf", Type::kDomainName, kOne, 1, 255, "RFC 6610", kConfigurable},
    {Code::kRdnssSelection, "rdnss-selection", Type::kBytes, kOne, 17, kUnlimitedLen,
     "RFC 6731 section 4.2", kConfigurable},
    {Code::kKrbPrincipalName, "krb-principal-name", Type::kBytes, kOne, 1, kUnlimitedLen,
     "RFC 6784", kConfigurable},
    {Code::kKrbRealmName, "krb-realm-name", Type::kText, kOne, 1, kUnlimitedLen, "RFC 6784",
     kConfigurable},
    {Code::kKrbDefaultRealmName, "krb-default-realm-name", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 6784", kConfigurable},
    {Code::kKrbKdc, "krb-kdc", Type::kBytes, kOne, 24, kUnlimitedLen, "RFC 6784", kConfigurable},
    {Code::kClientLinkLayer, "client-linklayer-addr", Type::kLinkLayer, kOne, 2, kUnlimitedLen,
     "RFC 6939 section 4", kNotConfigurable},
    {Code::kLinkAddress, "link-address", Type::kIpv6, kOne, 16, 16, "RFC 6977", kNotConfigurable},
    {Code::kRadius, "radius", Type::kBytes, kOne, 2, kUnlimitedLen, "RFC 7037", kNotConfigurable},
    {Code::kSolMaxRt, "solmax-rt", Type::kU32, kOne, 4, 4, "RFC 8415 section 21.24", kConfigurable},
    {Code::kInfMaxRt, "inf-max-rt", Type::kU32, kOne, 4, 4, "RFC 8415 section 21.25",
     kConfigurable},
    {Code::kAddrsel, "addrsel", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 7078", kConfigurable},
    {Code::kAddrselTable, "addrsel-table", Type::kBytes, kOne, 4, kUnlimitedLen, "RFC 7078",
     kNotConfigurable},
    {Code::kV6PcpServer, "v6-pcp-server", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 7291 section 3", kConfigurable},
    {Code::kDhcpv4Message, "dhcpv4-message", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 7341",
     kNotConfigurable},
    {Code::kDhcp4o6Server, "dhcp4o6-server-addr", Type::kIpv6, kList, 0, kUnlimitedLen, "RFC 7341",
     kConfigurable},
    {Code::kS46Rule, "s46-rule", Type::kBytes, kOne, 8, kUnlimitedLen, "RFC 7598", kConfigurable},
    {Code::kS46Br, "s46-br", Type::kIpv6, kOne, 16, 16, "RFC 7598", kConfigurable},
    {Code::kS46Dmr, "s46-dmr", Type::kBytes, kOne, 1, 17, "RFC 7598", kConfigurable},
    {Code::kS46V4v6bind, "s46-v4v6bind", Type::kBytes, kOne, 5, kUnlimitedLen, "RFC 7598",
     kConfigurable},
    {Code::kS46Portparams, "s46-portparams", Type::kBytes, kOne, 4, 4, "RFC 7598", kConfigurable},
    {Code::kS46ContMape, "s46-cont-mape", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 7598",
     kConfigurable},
    {Code::kS46ContMapt, "s46-cont-mapt", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 7598",
     kConfigurable},
    {Code::kS46ContLw, "s46-cont-lw", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 7598",
     kConfigurable},
    {Code::kFourRd, "4rd", Type::kOptions, kList, 0, kUnlimitedLen, "RFC 7600", kConfigurable},
    {Code::kFourRdMapRule, "4rd-map-rule", Type::kBytes, kOne, 20, 20, "RFC 7600",
     kNotConfigurable},
    {Code::kFourRdNonMapRule, "4rd-non-map-rule", Type::kBytes, kOne, 4, 4, "RFC 7600",
     kNotConfigurable},
    {Code::kLqBaseTime, "lq-base-time", Type::kU32, kOne, 4, 4, "RFC 7653", kNotConfigurable},
    {Code::kLqStartTime, "lq-start-time", Type::kU32, kOne, 4, 4, "RFC 7653", kNotConfigurable},
    {Code::kLqEndTime, "lq-end-time", Type::kU32, kOne, 4, 4, "RFC 7653", kNotConfigurable},
    {Code::kCaptivePortal, "v6-captive-portal", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 8910 section 2.2", kConfigurable},
    {Code::kMplParameters, "mpl-parameters", Type::kBytes, kOne, 13, kUnlimitedLen, "RFC 7774",
     kConfigurable},
    {Code::kAniAtt, "ani-att", Type::kBytes, kOne, 2, 2, "RFC 7839", kNotConfigurable},
    {Code::kAniNetworkName, "ani-network-name", Type::kText, kOne, 1, kUnlimitedLen, "RFC 7839",
     kNotConfigurable},
    {Code::kAniApName, "ani-ap-name", Type::kText, kOne, 1, kUnlimitedLen, "RFC 7839",
     kNotConfigurable},
    {Code::kAniApBssid, "ani-ap-bssid", Type::kBytes, kOne, 6, 6, "RFC 7839", kNotConfigurable},
    {Code::kAniOperatorId, "ani-operator-id", Type::kU32, kOne, 4, 4, "RFC 7839", kNotConfigurable},
    {Code::kAniOperatorRealm, "ani-operator-realm", Type::kText, kOne, 1, kUnlimitedLen, "RFC 7839",
     kNotConfigurable},
    {Code::kS46Priority, "s46-priority", Type::kU16, kList, 2, kUnlimitedLen, "RFC 8026",
     kConfigurable},
    {Code::kMudUrl, "mud-url-v6", Type::kText, kOne, 1, kUnlimitedLen, "RFC 8520",
     kNotConfigurable},
    {Code::kV6Prefix64, "v6-prefix64", Type::kBytes, kOne, 39, 39, "RFC 8115", kConfigurable},
    {Code::kFBindingStatus, "f-binding-status", Type::kU8, kOne, 1, 1, "RFC 8156",
     kNotConfigurable},
    {Code::kFConnectFlags, "f-connect-flags", Type::kU16, kOne, 2, 2, "RFC 8156", kNotConfigurable},
    {Code::kFDnsRemovalInfo, "f-dns-removal-info", Type::kOptions, kList, 0, kUnlimitedLen,
     "RFC 8156", kNotConfigurable},
    {Code::kFDnsHostName, "f-dns-host-name", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 8156",
     kNotConfigurable},
    {Code::kFDnsZoneName, "f-dns-zone-name", Type::kDomainName, kOne, 1, 255, "RFC 8156",
     kNotConfigurable},
    {Code::kFDnsFlags, "f-dns-flags", Type::kU16, kOne, 2, 2, "RFC 8156", kNotConfigurable},
    {Code::kFExpirationTime, "f-expiration-time", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFMaxUnackedBndupd, "f-max-unacked-bndupd", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFMclt, "f-mclt", Type::kU32, kOne, 4, 4, "RFC 8156", kNotConfigurable},
    {Code::kFPartnerLifetime, "f-partner-lifetime", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFPartnerLifetimeSent, "f-partner-lifetime-sent", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFPartnerDownTime, "f-partner-down-time", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFPartnerRawCltTime, "f-partner-raw-clt-time", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFProtocolVersion, "f-protocol-version", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFKeepaliveTime, "f-keepalive-time", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFReconfigureData, "f-reconfigure-data", Type::kBytes, kOne, 4, kUnlimitedLen,
     "RFC 8156", kNotConfigurable},
    {Code::kFRelationshipName, "f-relationship-name", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 8156", kNotConfigurable},
    {Code::kFServerFlags, "f-server-flags", Type::kU8, kOne, 1, 1, "RFC 8156", kNotConfigurable},
    {Code::kFServerState, "f-server-state", Type::kU8, kOne, 1, 1, "RFC 8156", kNotConfigurable},
    {Code::kFStartTimeOfState, "f-start-time-of-state", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kFStateExpirationTime, "f-state-expiration-time", Type::kU32, kOne, 4, 4, "RFC 8156",
     kNotConfigurable},
    {Code::kRelayPort, "relay-port", Type::kU16, kOne, 2, 2, "RFC 8357", kNotConfigurable},
    {Code::kV6SztpRedirect, "v6-sztp-redirect", Type::kTexts, kList, 2, kUnlimitedLen, "RFC 8572",
     kConfigurable},
    {Code::kS46BindIpv6Prefix, "s46-bind-ipv6-prefix", Type::kBytes, kOne, 1, 17, "RFC 8539",
     kConfigurable},
    {Code::kIaLl, "ia-ll", Type::kBytes, kOne, 12, kUnlimitedLen, "RFC 8947", kNotConfigurable},
    {Code::kLladdr, "lladdr", Type::kBytes, kOne, 12, kUnlimitedLen, "RFC 8947", kNotConfigurable},
    {Code::kSlapQuad, "slap-quad", Type::kBytes, kList, 2, kUnlimitedLen, "RFC 8948",
     kNotConfigurable},
    {Code::kV6DotsRi, "v6-dots-ri", Type::kDomainName, kOne, 1, 255, "RFC 8973", kConfigurable},
    {Code::kV6DotsAddress, "v6-dots-address", Type::kIpv6, kList, 16, kUnlimitedLen, "RFC 8973",
     kConfigurable},
    {Code::kIpv6AddressAndsf, "ipv6-address-andsf", Type::kIpv6, kList, 16, kUnlimitedLen,
     "RFC 6153", kConfigurable},
    {Code::kV6Dnr, "v6-dnr", Type::kBytes, kOne, 4, kUnlimitedLen, "RFC 9463 section 4.1",
     kConfigurable},
    {Code::kRegisteredDomain, "registered-domain", Type::kDomainName, kOne, 1, 255, "RFC 9527",
     kConfigurable},
    {Code::kForwardDistManager, "forward-dist-manager", Type::kBytes, kOne, 2, kUnlimitedLen,
     "RFC 9527", kConfigurable},
    {Code::kReverseDistManager, "reverse-dist-manager", Type::kBytes, kOne, 2, kUnlimitedLen,
     "RFC 9527", kConfigurable},
    {Code::kAddrRegEnable, "addr-reg-enable", Type::kEmpty, kOne, 0, 0, "RFC 9686", kConfigurable},
}};

constexpr bool rows_stand_at_their_code() {
    for (std::size_t i = 0; i < kRegistry.size(); ++i) {
        if (static_cast<std::size_t>(kRegistry[i].code) != i || kRegistry[i].name.empty()) {
            return false;
        }
    }
    return true;
}
static_assert(rows_stand_at_their_code());

constexpr std::array<std::string_view, kMessageTypeCount> kMessageTypeNames{
    "unknown",
    "solicit",
    "advertise",
    "request",
    "confirm",
    "renew",
    "rebind",
    "reply",
    "release",
    "decline",
    "reconfigure",
    "information-request",
    "relay-forward",
    "relay-reply",
    "lease-query",
    "lease-query-reply",
    "lease-query-done",
    "lease-query-data",
    "reconfigure-request",
    "reconfigure-reply",
    "dhcpv4-query",
    "dhcpv4-response",
    "active-lease-query",
    "start-tls",
    "binding-update",
    "binding-reply",
    "pool-request",
    "pool-response",
    "update-request",
    "update-request-all",
    "update-done",
    "connect",
    "connect-reply",
    "disconnect",
    "state",
    "contact",
    "address-registration-inform",
    "address-registration-reply"};
static_assert(!kMessageTypeNames.back().empty());

constexpr std::string_view kStatusNames[] = {"success",        "unspec-fail", "no-addrs-avail",
                                             "no-binding",     "not-on-link", "use-multicast",
                                             "no-prefix-avail"};

constexpr std::string_view kNumberedPrefix = "option-";

// What other servers, DHCPv4 and people call an option.
struct OtherName {
    std::string_view other;
    Code meant;
};
constexpr OtherName kOtherNames[] = {
    {"boot-file-name", Code::kBootfileUrl},
    {"captive-portal", Code::kCaptivePortal},
    {"dns", Code::kDnsServers},
    {"dns-search", Code::kDomainSearch},
    {"domain-list", Code::kDomainSearch},
    {"domain-name", Code::kDomainSearch},
    {"domain-name-servers", Code::kDnsServers},
    {"name-servers", Code::kDnsServers},
    {"nameservers", Code::kDnsServers},
    {"ntp", Code::kNtpServer},
    {"ntp-servers", Code::kNtpServer},
    {"search", Code::kDomainSearch},
    {"sol-max-rt", Code::kSolMaxRt},
};

}  // namespace

std::string_view name(MessageType type) noexcept {
    const auto value = static_cast<std::size_t>(type);
    return value < kMessageTypeNames.size() ? kMessageTypeNames[value] : kMessageTypeNames[0];
}

std::string_view name(StatusCode code) noexcept {
    const auto value = static_cast<std::size_t>(code);
    return value < std::size(kStatusNames) ? kStatusNames[value] : std::string_view{};
}

std::span<const OptionInfo> option_registry() noexcept {
    return kRegistry;
}

const OptionInfo* option_info(OptionCode code) noexcept {
    const auto index = static_cast<std::size_t>(code);
    return index < kRegistry.size() ? &kRegistry[index] : nullptr;
}

const OptionInfo* find_option(std::string_view name) noexcept {
    const auto found = std::find_if(kRegistry.begin(), kRegistry.end(),
                                    [&](const OptionInfo& row) { return row.name == name; });
    return found == kRegistry.end() ? nullptr : &*found;
}

std::optional<OptionCode> find_option_code(std::string_view name) noexcept {
    if (const OptionInfo* const row = find_option(name)) {
        return row->code;
    }
    if (!name.starts_with(kNumberedPrefix)) {
        return std::nullopt;
    }
    const std::string_view digits = name.substr(kNumberedPrefix.size());
    std::uint16_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    return whole ? std::optional{static_cast<OptionCode>(code)} : std::nullopt;
}

std::string option_name(OptionCode code) {
    const OptionInfo* const row = option_info(code);
    return row != nullptr
               ? std::string{row->name}
               : std::string{kNumberedPrefix} + std::to_string(static_cast<unsigned>(code));
}

std::string_view nearest_option_name(std::string_view misspelt) {
    option_value::NearestName nearest{misspelt};
    for (const OtherName& known : kOtherNames) {
        if (known.other == nearest.wanted()) {
            return option_info(known.meant)->name;
        }
    }
    for (const OptionInfo& row : kRegistry) {
        // "option-11" is near "option-10" and means something else.
        if (row.configurable && !row.name.starts_with(kNumberedPrefix)) {
            nearest.consider(row.name);
        }
    }
    return nearest.best();
}

}  // namespace xdhcpd::dhcp6
