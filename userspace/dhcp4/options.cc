#include "dhcp4/options.h"

#include <algorithm>
#include <array>

#include "option_value/nearest_name.h"

namespace xdhcpd::dhcp4 {
namespace {

using Code = OptionCode;
using Type = OptionType;

constexpr bool kOne = false;
constexpr bool kList = true;
constexpr bool kConfigurable = true;
constexpr bool kNotConfigurable = false;

// A code without an assigned name: hexadecimal, for whoever knows what its clients expect.
constexpr OptionInfo unnamed(std::uint8_t code, std::string_view name, std::string_view status) {
    return {static_cast<Code>(code), name,   Type::kBytes, kOne, 0,
            kUnlimitedLen,           status, kConfigurable};
}

constexpr std::array<OptionInfo, kOptionCodeCount> kRegistry{{
    {Code::kPad, "pad", Type::kEmpty, kOne, 0, 0, "RFC 2132 section 3.1", kNotConfigurable},
    {Code::kSubnetMask, "subnet-mask", Type::kIpv4, kOne, 4, 4, "RFC 2132 section 3.3",
     kConfigurable},
    {Code::kTimeOffset, "time-offset", Type::kI32, kOne, 4, 4, "RFC 2132 section 3.4",
     kConfigurable},
    {Code::kRouters, "routers", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 3.5",
     kConfigurable},
    {Code::kTimeServers, "time-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 3.6", kConfigurable},
    {Code::kNameServers, "name-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 3.7", kConfigurable},
    {Code::kDomainNameServers, "domain-name-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 3.8", kConfigurable},
    {Code::kLogServers, "log-servers", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 3.9",
     kConfigurable},
    {Code::kCookieServers, "cookie-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 3.10", kConfigurable},
    {Code::kLprServers, "lpr-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 3.11", kConfigurable},
    {Code::kImpressServers, "impress-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 3.12", kConfigurable},
    {Code::kResourceLocationServers, "resource-location-servers", Type::kIpv4, kList, 4,
     kUnlimitedLen, "RFC 2132 section 3.13", kConfigurable},
    {Code::kHostName, "host-name", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2132 section 3.14",
     kConfigurable},
    {Code::kBootSize, "boot-size", Type::kU16, kOne, 2, 2, "RFC 2132 section 3.15", kConfigurable},
    {Code::kMeritDump, "merit-dump", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2132 section 3.16",
     kConfigurable},
    {Code::kDomainName, "domain-name", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2132 section 3.17",
     kConfigurable},
    {Code::kSwapServer, "swap-server", Type::kIpv4, kOne, 4, 4, "RFC 2132 section 3.18",
     kConfigurable},
    {Code::kRootPath, "root-path", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2132 section 3.19",
     kConfigurable},
    {Code::kExtensionsPath, "extensions-path", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2132 section 3.20", kConfigurable},
    {Code::kIpForwarding, "ip-forwarding", Type::kFlag, kOne, 1, 1, "RFC 2132 section 4.1",
     kConfigurable},
    {Code::kNonLocalSourceRouting, "non-local-source-routing", Type::kFlag, kOne, 1, 1,
     "RFC 2132 section 4.2", kConfigurable},
    {Code::kPolicyFilter, "policy-filter", Type::kIpv4Pair, kList, 8, kUnlimitedLen,
     "RFC 2132 section 4.3", kConfigurable},
    {Code::kMaxDgramReassembly, "max-dgram-reassembly", Type::kU16, kOne, 2, 2,
     "RFC 2132 section 4.4", kConfigurable},
    {Code::kDefaultIpTtl, "default-ip-ttl", Type::kU8, kOne, 1, 1, "RFC 2132 section 4.5",
     kConfigurable},
    {Code::kPathMtuAgingTimeout, "path-mtu-aging-timeout", Type::kSeconds, kOne, 4, 4,
     "RFC 2132 section 4.6", kConfigurable},
    {Code::kPathMtuPlateauTable, "path-mtu-plateau-table", Type::kU16, kList, 2, kUnlimitedLen,
     "RFC 2132 section 4.7", kConfigurable},
    {Code::kInterfaceMtu, "interface-mtu", Type::kU16, kOne, 2, 2, "RFC 2132 section 5.1",
     kConfigurable},
    {Code::kAllSubnetsLocal, "all-subnets-local", Type::kFlag, kOne, 1, 1, "RFC 2132 section 5.2",
     kConfigurable},
    {Code::kBroadcastAddress, "broadcast-address", Type::kIpv4, kOne, 4, 4, "RFC 2132 section 5.3",
     kConfigurable},
    {Code::kPerformMaskDiscovery, "perform-mask-discovery", Type::kFlag, kOne, 1, 1,
     "RFC 2132 section 5.4", kConfigurable},
    {Code::kMaskSupplier, "mask-supplier", Type::kFlag, kOne, 1, 1, "RFC 2132 section 5.5",
     kConfigurable},
    {Code::kRouterDiscovery, "router-discovery", Type::kFlag, kOne, 1, 1, "RFC 2132 section 5.6",
     kConfigurable},
    {Code::kRouterSolicitationAddress, "router-solicitation-address", Type::kIpv4, kOne, 4, 4,
     "RFC 2132 section 5.7", kConfigurable},
    {Code::kStaticRoutes, "static-routes", Type::kIpv4Pair, kList, 8, kUnlimitedLen,
     "RFC 2132 section 5.8", kConfigurable},
    {Code::kTrailerEncapsulation, "trailer-encapsulation", Type::kFlag, kOne, 1, 1,
     "RFC 2132 section 6.1", kConfigurable},
    {Code::kArpCacheTimeout, "arp-cache-timeout", Type::kSeconds, kOne, 4, 4,
     "RFC 2132 section 6.2", kConfigurable},
    {Code::kIeee8023Encapsulation, "ieee802-3-encapsulation", Type::kFlag, kOne, 1, 1,
     "RFC 2132 section 6.3", kConfigurable},
    {Code::kDefaultTcpTtl, "default-tcp-ttl", Type::kU8, kOne, 1, 1, "RFC 2132 section 7.1",
     kConfigurable},
    {Code::kTcpKeepaliveInterval, "tcp-keepalive-interval", Type::kSeconds, kOne, 4, 4,
     "RFC 2132 section 7.2", kConfigurable},
    {Code::kTcpKeepaliveGarbage, "tcp-keepalive-garbage", Type::kFlag, kOne, 1, 1,
     "RFC 2132 section 7.3", kConfigurable},
    {Code::kNisDomain, "nis-domain", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2132 section 8.1",
     kConfigurable},
    {Code::kNisServers, "nis-servers", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 8.2",
     kConfigurable},
    {Code::kNtpServers, "ntp-servers", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 8.3",
     kConfigurable},
    {Code::kVendorEncapsulatedOptions, "vendor-encapsulated-options", Type::kSuboptions, kList, 1,
     kUnlimitedLen, "RFC 2132 section 8.4", kConfigurable},
    {Code::kNetbiosNameServers, "netbios-name-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.5", kConfigurable},
    {Code::kNetbiosDdServer, "netbios-dd-server", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.6", kConfigurable},
    {Code::kNetbiosNodeType, "netbios-node-type", Type::kU8, kOne, 1, 1, "RFC 2132 section 8.7",
     kConfigurable},
    {Code::kNetbiosScope, "netbios-scope", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2132 section 8.8", kConfigurable},
    {Code::kFontServers, "font-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.9", kConfigurable},
    {Code::kXDisplayManager, "x-display-manager", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.10", kConfigurable},
    {Code::kRequestedAddress, "dhcp-requested-address", Type::kIpv4, kOne, 4, 4,
     "RFC 2132 section 9.1", kNotConfigurable},
    {Code::kLeaseTime, "dhcp-lease-time", Type::kSeconds, kOne, 4, 4, "RFC 2132 section 9.2",
     kNotConfigurable},
    {Code::kOverload, "dhcp-option-overload", Type::kU8, kOne, 1, 1, "RFC 2132 section 9.3",
     kNotConfigurable},
    {Code::kMessageType, "dhcp-message-type", Type::kMessageType, kOne, 1, 1,
     "RFC 2132 section 9.6", kNotConfigurable},
    {Code::kServerIdentifier, "dhcp-server-identifier", Type::kIpv4, kOne, 4, 4,
     "RFC 2132 section 9.7", kNotConfigurable},
    {Code::kParameterRequestList, "dhcp-parameter-request-list", Type::kOptionCodes, kList, 1,
     kUnlimitedLen, "RFC 2132 section 9.8", kNotConfigurable},
    {Code::kMessage, "dhcp-message", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2132 section 9.9",
     kNotConfigurable},
    {Code::kMaxMessageSize, "dhcp-max-message-size", Type::kU16, kOne, 2, 2,
     "RFC 2132 section 9.10", kNotConfigurable},
    {Code::kRenewalTime, "dhcp-renewal-time", Type::kSeconds, kOne, 4, 4, "RFC 2132 section 9.11",
     kNotConfigurable},
    {Code::kRebindingTime, "dhcp-rebinding-time", Type::kSeconds, kOne, 4, 4,
     "RFC 2132 section 9.12", kNotConfigurable},
    {Code::kVendorClassIdentifier, "vendor-class-identifier", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2132 section 9.13", kConfigurable},
    {Code::kClientIdentifier, "dhcp-client-identifier", Type::kBytes, kOne, 2, kUnlimitedLen,
     "RFC 2132 section 9.14", kNotConfigurable},
    {Code::kNwipDomainName, "nwip-domain-name", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2242 section 2", kConfigurable},
    {Code::kNwipSuboptions, "nwip-suboptions", Type::kSuboptions, kList, 2, kUnlimitedLen,
     "RFC 2242 section 3", kConfigurable},
    {Code::kNisplusDomainName, "nisplus-domain-name", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2132 section 8.11", kConfigurable},
    {Code::kNisplusServers, "nisplus-servers", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.12", kConfigurable},
    {Code::kTftpServerName, "tftp-server-name", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2132 section 9.4", kConfigurable},
    {Code::kBootFileName, "boot-file-name", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 2132 section 9.5", kConfigurable},
    {Code::kMobileIpHomeAgent, "mobile-ip-home-agent", Type::kIpv4, kList, 0, kUnlimitedLen,
     "RFC 2132 section 8.13", kConfigurable},
    {Code::kSmtpServer, "smtp-server", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.14", kConfigurable},
    {Code::kPopServer, "pop-server", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 8.15",
     kConfigurable},
    {Code::kNntpServer, "nntp-server", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.16", kConfigurable},
    {Code::kWwwServer, "www-server", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 8.17",
     kConfigurable},
    {Code::kFingerServer, "finger-server", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.18", kConfigurable},
    {Code::kIrcServer, "irc-server", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 8.19",
     kConfigurable},
    {Code::kStreettalkServer, "streettalk-server", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 2132 section 8.20", kConfigurable},
    {Code::kStreettalkDirectoryAssistanceServer, "streettalk-directory-assistance-server",
     Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2132 section 8.21", kConfigurable},
    {Code::kUserClass, "user-class", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 3004 section 4",
     kNotConfigurable},
    {Code::kSlpDirectoryAgent, "slp-directory-agent", Type::kSlpAgents, kList, 5, kUnlimitedLen,
     "RFC 2610 section 3", kConfigurable},
    {Code::kSlpServiceScope, "slp-service-scope", Type::kSlpScope, kList, 1, kUnlimitedLen,
     "RFC 2610 section 4", kConfigurable},
    {Code::kRapidCommit, "rapid-commit", Type::kEmpty, kOne, 0, 0, "RFC 4039 section 4",
     kNotConfigurable},
    {Code::kFqdn, "fqdn", Type::kFqdn, kOne, 3, kUnlimitedLen, "RFC 4702 section 2",
     kNotConfigurable},
    {Code::kRelayAgentInformation, "dhcp-agent-options", Type::kSuboptions, kList, 2, kUnlimitedLen,
     "RFC 3046 section 2.0", kNotConfigurable},
    {Code::kIsns, "isns", Type::kBytes, kOne, 14, kUnlimitedLen, "RFC 4174 section 2",
     kConfigurable},
    unnamed(84, "option-84", "removed, RFC 3679"),
    {Code::kNdsServers, "nds-servers", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 2241",
     kConfigurable},
    {Code::kNdsTreeName, "nds-tree-name", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2241",
     kConfigurable},
    {Code::kNdsContext, "nds-context", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2241",
     kConfigurable},
    {Code::kBcmsControllerNames, "bcms-controller-names", Type::kDomainList, kList, 1,
     kUnlimitedLen, "RFC 4280", kConfigurable},
    {Code::kBcmsControllerAddress, "bcms-controller-address", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 4280", kConfigurable},
    {Code::kAuthentication, "authenticate", Type::kBytes, kOne, 11, kUnlimitedLen,
     "RFC 3118 section 2", kNotConfigurable},
    {Code::kClientLastTransactionTime, "client-last-transaction-time", Type::kSeconds, kOne, 4, 4,
     "RFC 4388", kNotConfigurable},
    {Code::kAssociatedIp, "associated-ip", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 4388",
     kNotConfigurable},
    {Code::kClientSystem, "client-system", Type::kU16, kList, 2, kUnlimitedLen,
     "RFC 4578 section 2.1", kNotConfigurable},
    {Code::kClientNdi, "client-ndi", Type::kBytes, kOne, 3, 3, "RFC 4578 section 2.2",
     kNotConfigurable},
    {Code::kLdap, "ldap", Type::kText, kOne, 1, kUnlimitedLen, "RFC 3679", kConfigurable},
    unnamed(96, "option-96", "removed, RFC 3679"),
    {Code::kUuidGuid, "uuid-guid", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 4578 section 2.3",
     kNotConfigurable},
    {Code::kUapServers, "uap-servers", Type::kText, kOne, 1, kUnlimitedLen, "RFC 2485",
     kConfigurable},
    {Code::kGeoconfCivic, "geoconf-civic", Type::kBytes, kOne, 3, kUnlimitedLen,
     "RFC 4776 section 3.1", kConfigurable},
    {Code::kPcode, "pcode", Type::kText, kOne, 1, kUnlimitedLen, "RFC 4833 section 2",
     kConfigurable},
    {Code::kTcode, "tcode", Type::kText, kOne, 1, kUnlimitedLen, "RFC 4833 section 2",
     kConfigurable},
    unnamed(102, "option-102", "removed, RFC 3679"),
    unnamed(103, "option-103", "removed, RFC 3679"),
    unnamed(104, "option-104", "removed, RFC 3679"),
    unnamed(105, "option-105", "removed, RFC 3679"),
    unnamed(106, "option-106", "removed, RFC 3679"),
    unnamed(107, "option-107", "removed, RFC 3679"),
    {Code::kIpv6OnlyPreferred, "v6-only-preferred", Type::kSeconds, kOne, 4, 4,
     "RFC 8925 section 3.1", kConfigurable},
    {Code::kDhcp4o6S46Saddr, "option-dhcp4o6-s46-saddr", Type::kIpv6, kOne, 16, 16, "RFC 8539",
     kNotConfigurable},
    unnamed(110, "option-110", "removed, RFC 3679"),
    unnamed(111, "option-111", "unassigned"),
    {Code::kNetinfoServerAddress, "netinfo-server-address", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 3679", kConfigurable},
    {Code::kNetinfoServerTag, "netinfo-server-tag", Type::kText, kOne, 1, kUnlimitedLen, "RFC 3679",
     kConfigurable},
    {Code::kCaptivePortal, "v4-captive-portal", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 8910 section 2.1", kConfigurable},
    unnamed(115, "option-115", "removed, RFC 3679"),
    {Code::kAutoConfig, "auto-config", Type::kU8, kOne, 1, 1, "RFC 2563", kConfigurable},
    {Code::kNameServiceSearch, "name-service-search", Type::kU16, kList, 2, kUnlimitedLen,
     "RFC 2937", kConfigurable},
    {Code::kSubnetSelection, "subnet-selection", Type::kIpv4, kOne, 4, 4, "RFC 3011 section 2",
     kNotConfigurable},
    {Code::kDomainSearch, "domain-search", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 3397 section 2", kConfigurable},
    {Code::kSipServers, "sip-servers", Type::kSipServers, kList, 2, kUnlimitedLen,
     "RFC 3361 section 3", kConfigurable},
    {Code::kClasslessStaticRoute, "classless-static-route", Type::kClasslessRoutes, kList, 5,
     kUnlimitedLen, "RFC 3442", kConfigurable},
    {Code::kCableLabsClientConfiguration, "cablelabs-client-configuration", Type::kSuboptions,
     kList, 2, kUnlimitedLen, "RFC 3495 section 4", kConfigurable},
    {Code::kGeoconf, "geoconf", Type::kBytes, kOne, 16, 16, "RFC 6225", kConfigurable},
    {Code::kVivcoSuboptions, "vivco-suboptions", Type::kBytes, kOne, 5, kUnlimitedLen,
     "RFC 3925 section 3", kConfigurable},
    {Code::kVivsoSuboptions, "vivso-suboptions", Type::kBytes, kOne, 5, kUnlimitedLen,
     "RFC 3925 section 4", kConfigurable},
    unnamed(126, "option-126", "removed, RFC 3679"),
    unnamed(127, "option-127", "removed, RFC 3679"),
    {Code::kPxe128, "option-128", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe129, "option-129", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe130, "option-130", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe131, "option-131", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe132, "option-132", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe133, "option-133", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe134, "option-134", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPxe135, "option-135", Type::kBytes, kOne, 0, kUnlimitedLen, "RFC 4578 section 2.4",
     kConfigurable},
    {Code::kPanaAgent, "pana-agent", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 5192",
     kConfigurable},
    {Code::kV4Lost, "v4-lost", Type::kDomainName, kOne, 1, 255, "RFC 5223 section 3",
     kConfigurable},
    {Code::kCapwapAcV4, "capwap-ac-v4", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 5417",
     kConfigurable},
    {Code::kIpv4AddressMos, "ipv4-address-mos", Type::kSuboptions, kList, 2, kUnlimitedLen,
     "RFC 5678", kConfigurable},
    {Code::kIpv4FqdnMos, "ipv4-fqdn-mos", Type::kSuboptions, kList, 2, kUnlimitedLen, "RFC 5678",
     kConfigurable},
    {Code::kSipUaCsDomains, "sip-ua-cs-domains", Type::kDomainList, kList, 1, kUnlimitedLen,
     "RFC 6011", kConfigurable},
    {Code::kIpv4AddressAndsf, "ipv4-address-andsf", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 6153", kConfigurable},
    {Code::kV4SztpRedirect, "v4-sztp-redirect", Type::kBytes, kOne, 2, kUnlimitedLen,
     "RFC 8572 section 8.1", kConfigurable},
    {Code::kGeoloc, "geoloc", Type::kBytes, kOne, 16, 16, "RFC 6225", kConfigurable},
    {Code::kForceRenewNonceCapable, "forcerenew-nonce-capable", Type::kBytes, kOne, 1,
     kUnlimitedLen, "RFC 6704", kNotConfigurable},
    {Code::kRdnssSelection, "rdnss-selection", Type::kBytes, kOne, 10, kUnlimitedLen,
     "RFC 6731 section 4.3", kConfigurable},
    {Code::kV4DotsRi, "v4-dots-ri", Type::kDomainName, kOne, 1, 255, "RFC 8973", kConfigurable},
    {Code::kV4DotsAddress, "v4-dots-address", Type::kIpv4, kList, 4, kUnlimitedLen, "RFC 8973",
     kConfigurable},
    unnamed(149, "option-149", "unassigned"),
    {Code::kTftpServerAddress, "tftp-server-address", Type::kIpv4, kList, 4, kUnlimitedLen,
     "RFC 5859", kConfigurable},
    {Code::kStatusCode, "status-code", Type::kBytes, kOne, 1, kUnlimitedLen,
     "RFC 6926 section 6.2.2", kNotConfigurable},
    {Code::kBaseTime, "base-time", Type::kU32, kOne, 4, 4, "RFC 6926 section 6.2.3",
     kNotConfigurable},
    {Code::kStartTimeOfState, "start-time-of-state", Type::kU32, kOne, 4, 4,
     "RFC 6926 section 6.2.4", kNotConfigurable},
    {Code::kQueryStartTime, "query-start-time", Type::kU32, kOne, 4, 4, "RFC 6926 section 6.2.5",
     kNotConfigurable},
    {Code::kQueryEndTime, "query-end-time", Type::kU32, kOne, 4, 4, "RFC 6926 section 6.2.6",
     kNotConfigurable},
    {Code::kDhcpState, "dhcp-state", Type::kU8, kOne, 1, 1, "RFC 6926 section 6.2.7",
     kNotConfigurable},
    {Code::kDataSource, "data-source", Type::kU8, kOne, 1, 1, "RFC 6926 section 6.2.8",
     kNotConfigurable},
    {Code::kV4PcpServer, "v4-pcp-server", Type::kBytes, kOne, 5, kUnlimitedLen,
     "RFC 7291 section 4", kConfigurable},
    {Code::kV4Portparams, "v4-portparams", Type::kBytes, kOne, 4, 4, "RFC 7618", kConfigurable},
    unnamed(160, "option-160", "unassigned, was captive portal (RFC 7710)"),
    {Code::kMudUrl, "option-mudurl-v4", Type::kText, kOne, 1, kUnlimitedLen, "RFC 8520",
     kNotConfigurable},
    {Code::kV4Dnr, "v4-dnr", Type::kBytes, kOne, 4, kUnlimitedLen, "RFC 9463 section 5.1",
     kConfigurable},
    unnamed(163, "option-163", "unassigned"),
    unnamed(164, "option-164", "unassigned"),
    unnamed(165, "option-165", "unassigned"),
    unnamed(166, "option-166", "unassigned"),
    unnamed(167, "option-167", "unassigned"),
    unnamed(168, "option-168", "unassigned"),
    unnamed(169, "option-169", "unassigned"),
    unnamed(170, "option-170", "unassigned"),
    unnamed(171, "option-171", "unassigned"),
    unnamed(172, "option-172", "unassigned"),
    unnamed(173, "option-173", "unassigned"),
    unnamed(174, "option-174", "unassigned"),
    {Code::kEtherboot, "option-175", Type::kBytes, kOne, 0, kUnlimitedLen, "tentative: Etherboot",
     kConfigurable},
    {Code::kIpTelephone, "option-176", Type::kBytes, kOne, 0, kUnlimitedLen,
     "tentative: IP telephone", kConfigurable},
    {Code::kPacketCable, "option-177", Type::kBytes, kOne, 0, kUnlimitedLen,
     "tentative: PacketCable, replaced by 122", kConfigurable},
    unnamed(178, "option-178", "unassigned"),
    unnamed(179, "option-179", "unassigned"),
    unnamed(180, "option-180", "unassigned"),
    unnamed(181, "option-181", "unassigned"),
    unnamed(182, "option-182", "unassigned"),
    unnamed(183, "option-183", "unassigned"),
    unnamed(184, "option-184", "unassigned"),
    unnamed(185, "option-185", "unassigned"),
    unnamed(186, "option-186", "unassigned"),
    unnamed(187, "option-187", "unassigned"),
    unnamed(188, "option-188", "unassigned"),
    unnamed(189, "option-189", "unassigned"),
    unnamed(190, "option-190", "unassigned"),
    unnamed(191, "option-191", "unassigned"),
    unnamed(192, "option-192", "unassigned"),
    unnamed(193, "option-193", "unassigned"),
    unnamed(194, "option-194", "unassigned"),
    unnamed(195, "option-195", "unassigned"),
    unnamed(196, "option-196", "unassigned"),
    unnamed(197, "option-197", "unassigned"),
    unnamed(198, "option-198", "unassigned"),
    unnamed(199, "option-199", "unassigned"),
    unnamed(200, "option-200", "unassigned"),
    unnamed(201, "option-201", "unassigned"),
    unnamed(202, "option-202", "unassigned"),
    unnamed(203, "option-203", "unassigned"),
    unnamed(204, "option-204", "unassigned"),
    unnamed(205, "option-205", "unassigned"),
    unnamed(206, "option-206", "unassigned"),
    unnamed(207, "option-207", "unassigned"),
    {Code::kPxelinuxMagic, "pxelinux-magic", Type::kBytes, kOne, 4, 4, "RFC 5071", kConfigurable},
    {Code::kPxelinuxConfigFile, "pxelinux-configfile", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 5071", kConfigurable},
    {Code::kPxelinuxPathPrefix, "pxelinux-pathprefix", Type::kText, kOne, 1, kUnlimitedLen,
     "RFC 5071", kConfigurable},
    {Code::kPxelinuxRebootTime, "pxelinux-reboottime", Type::kSeconds, kOne, 4, 4, "RFC 5071",
     kConfigurable},
    {Code::kSixRd, "option-6rd", Type::kBytes, kOne, 22, kUnlimitedLen, "RFC 5969 section 7.1.1",
     kConfigurable},
    {Code::kV4AccessDomain, "v4-access-domain", Type::kDomainName, kOne, 1, 255,
     "RFC 5986 section 3", kConfigurable},
    unnamed(214, "option-214", "unassigned"),
    unnamed(215, "option-215", "unassigned"),
    unnamed(216, "option-216", "unassigned"),
    unnamed(217, "option-217", "unassigned"),
    unnamed(218, "option-218", "unassigned"),
    unnamed(219, "option-219", "unassigned"),
    {Code::kSubnetAllocation, "subnet-allocation", Type::kBytes, kOne, 1, kUnlimitedLen, "RFC 6656",
     kNotConfigurable},
    {Code::kVirtualSubnetSelection, "virtual-subnet-selection", Type::kBytes, kOne, 1,
     kUnlimitedLen, "RFC 6607", kNotConfigurable},
    unnamed(222, "option-222", "unassigned"),
    unnamed(223, "option-223", "unassigned"),
    unnamed(224, "option-224", "private use"),
    unnamed(225, "option-225", "private use"),
    unnamed(226, "option-226", "private use"),
    unnamed(227, "option-227", "private use"),
    unnamed(228, "option-228", "private use"),
    unnamed(229, "option-229", "private use"),
    unnamed(230, "option-230", "private use"),
    unnamed(231, "option-231", "private use"),
    unnamed(232, "option-232", "private use"),
    unnamed(233, "option-233", "private use"),
    unnamed(234, "option-234", "private use"),
    unnamed(235, "option-235", "private use"),
    unnamed(236, "option-236", "private use"),
    unnamed(237, "option-237", "private use"),
    unnamed(238, "option-238", "private use"),
    unnamed(239, "option-239", "private use"),
    unnamed(240, "option-240", "private use"),
    unnamed(241, "option-241", "private use"),
    unnamed(242, "option-242", "private use"),
    unnamed(243, "option-243", "private use"),
    unnamed(244, "option-244", "private use"),
    unnamed(245, "option-245", "private use"),
    unnamed(246, "option-246", "private use"),
    unnamed(247, "option-247", "private use"),
    unnamed(248, "option-248", "private use"),
    unnamed(249, "option-249", "private use"),
    unnamed(250, "option-250", "private use"),
    unnamed(251, "option-251", "private use"),
    unnamed(252, "option-252", "private use"),
    unnamed(253, "option-253", "private use"),
    unnamed(254, "option-254", "private use"),
    {Code::kEnd, "end", Type::kEmpty, kOne, 0, 0, "RFC 2132 section 3.2", kNotConfigurable},
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

constexpr std::array<std::string_view, kMessageTypeCount> kMessageTypeNames{"bootp",
                                                                            "discover",
                                                                            "offer",
                                                                            "request",
                                                                            "decline",
                                                                            "ack",
                                                                            "nak",
                                                                            "release",
                                                                            "inform",
                                                                            "force-renew",
                                                                            "lease-query",
                                                                            "lease-unassigned",
                                                                            "lease-unknown",
                                                                            "lease-active",
                                                                            "bulk-lease-query",
                                                                            "lease-query-done",
                                                                            "active-lease-query",
                                                                            "lease-query-status",
                                                                            "tls"};
static_assert(!kMessageTypeNames.back().empty());

// What other servers, DHCPv6 and people call an option.
struct OtherName {
    std::string_view other;
    Code meant;
};
constexpr OtherName kOtherNames[] = {
    {"bootfile-name", Code::kBootFileName},
    {"captive-portal", Code::kCaptivePortal},
    {"classless-routes", Code::kClasslessStaticRoute},
    {"default-gateway", Code::kRouters},
    {"dns", Code::kDomainNameServers},
    {"dns-search", Code::kDomainSearch},
    {"dns-servers", Code::kDomainNameServers},
    {"domain", Code::kDomainName},
    {"filename", Code::kBootFileName},
    {"gateway", Code::kRouters},
    {"ipv6-only-preferred", Code::kIpv6OnlyPreferred},
    {"mtu", Code::kInterfaceMtu},
    {"nameservers", Code::kDomainNameServers},
    {"netmask", Code::kSubnetMask},
    {"ntp", Code::kNtpServers},
    {"rfc3442-classless-static-routes", Code::kClasslessStaticRoute},
    {"search", Code::kDomainSearch},
    {"tftp-server", Code::kTftpServerName},
};

}  // namespace

std::string_view name(RelaySuboption code) noexcept {
    switch (code) {
        case RelaySuboption::kCircuitId:
            return "circuit-id";
        case RelaySuboption::kRemoteId:
            return "remote-id";
        case RelaySuboption::kDocsisDeviceClass:
            return "docsis-device-class";
        case RelaySuboption::kLinkSelection:
            return "link-selection";
        case RelaySuboption::kSubscriberId:
            return "subscriber-id";
        case RelaySuboption::kRadiusAttributes:
            return "radius-attributes";
        case RelaySuboption::kAuthentication:
            return "authentication";
        case RelaySuboption::kVendorSpecific:
            return "vendor-specific";
        case RelaySuboption::kRelayFlags:
            return "relay-flags";
        case RelaySuboption::kServerIdOverride:
            return "server-id-override";
        case RelaySuboption::kRelayId:
            return "relay-id";
        case RelaySuboption::kAccessTechnologyType:
            return "access-technology-type";
        case RelaySuboption::kAccessNetworkName:
            return "access-network-name";
        case RelaySuboption::kAccessPointName:
            return "access-point-name";
        case RelaySuboption::kAccessPointBssid:
            return "access-point-bssid";
        case RelaySuboption::kOperatorId:
            return "operator-id";
        case RelaySuboption::kOperatorRealm:
            return "operator-realm";
        case RelaySuboption::kRelaySourcePort:
            return "relay-source-port";
        case RelaySuboption::kVirtualSubnet:
            return "virtual-subnet";
        case RelaySuboption::kVirtualSubnetControl:
            return "virtual-subnet-control";
    }
    return {};
}

std::string_view name(MessageType type) noexcept {
    const auto value = static_cast<std::size_t>(type);
    return value < kMessageTypeNames.size() ? kMessageTypeNames[value] : "unknown";
}

const OptionInfo& option_info(OptionCode code) noexcept {
    return kRegistry[static_cast<std::size_t>(code)];
}

const OptionInfo* find_option(std::string_view name) noexcept {
    const auto found = std::find_if(kRegistry.begin(), kRegistry.end(),
                                    [&](const OptionInfo& row) { return row.name == name; });
    return found == kRegistry.end() ? nullptr : &*found;
}

std::span<const OptionInfo> option_registry() noexcept {
    return kRegistry;
}

std::string_view nearest_option_name(std::string_view misspelt) {
    option_value::NearestName nearest{misspelt};
    for (const OtherName& known : kOtherNames) {
        if (known.other == nearest.wanted()) {
            return option_info(known.meant).name;
        }
    }
    for (const OptionInfo& row : kRegistry) {
        // "option-85" is near "option-84" and means something else.
        if (row.configurable && !row.name.starts_with("option-")) {
            nearest.consider(row.name);
        }
    }
    return nearest.best();
}

}  // namespace xdhcpd::dhcp4
