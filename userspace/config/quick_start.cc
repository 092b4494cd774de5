#include "config/quick_start.h"

#include <algorithm>
#include <array>
#include <string>

#include "config/configuration_reader.h"
#include "config/reader.h"
#include "config/values.h"
#include "config/yaml_tree.h"

namespace xdhcpd::config {
namespace {

// The command line as the tree of the file that it stands for.
class QuickStartTree {
  public:
    enum Option : int {
        kInterface,
        kRange,
        kRouter,
        kDns,
        kSubnet,
        kLeaseTime,
        kDriver,
        kControlSocket,
        kHttp,
        kLogLevel,
        kStateDirectory
    };
    static constexpr std::array<std::string_view, 11> kNames{
        "--interface", "--range",      "--router",         "--dns",
        "--subnet",    "--lease-time", "--driver",         "--control-socket",
        "--http",      "--log-level",  "--state-directory"};

    Node& map(Option option) { return document_.add(Node::Kind::kMap, {0, option}); }
    Node& list(Option option, const Node& element) {
        Node& node = document_.add(Node::Kind::kSequence, {0, option});
        node.children.push_back(&element);
        return node;
    }
    Node& scalar(Option option, std::string_view text) {
        return document_.add(Node::Kind::kScalar, {0, option}, std::string{text});
    }
    void put(Node& to, Option option, std::string_view key, const Node& value) {
        to.children.push_back(&scalar(option, key));
        to.children.push_back(&value);
    }
    // Likewise, if the option was given at all.
    void put_given(Node& to, Option option, std::string_view key, const std::string& text) {
        if (!text.empty()) {
            put(to, option, key, scalar(option, text));
        }
    }

  private:
    Document document_;
};
using Quick = QuickStartTree;

Place place_of(Quick::Option option) {
    return {0, option};
}

// --subnet, or the longest of the interface's prefixes around the range. Empty if there is none,
// which is reported unless the range itself is wrong and reported elsewhere.
std::string choose_subnet(Reporter& reporter, const QuickStart& options,
                          std::span<const Ipv4Prefix> interface_addresses) {
    if (!options.subnet.empty()) {
        return options.subnet;
    }
    auto range = parse_range(options.range);
    if (const auto prefix = parse_ipv4_prefix(options.range)) {
        range = AddressRange{prefix->network(), prefix->broadcast()};
    }
    if (!range) {
        return {};
    }
    const Ipv4Prefix* best = nullptr;
    std::string addresses;
    for (const Ipv4Prefix& address : interface_addresses) {
        addresses += (addresses.empty() ? "" : ", ") + xdhcpd::to_string(address);
        const bool fits = address.contains(range->first) && address.contains(range->last);
        if (fits && (best == nullptr || best->length < address.length)) {
            best = &address;
        }
    }
    if (best != nullptr) {
        return xdhcpd::to_string(Ipv4Prefix{best->network(), best->length});
    }
    reporter.error(place_of(Quick::kRange),
                   addresses.empty()
                       ? "interface " + in_quotes(options.interface) +
                             " has no IPv4 address that says which subnet this is; add --subnet "
                             "PREFIX, or give it an address"
                       : in_quotes(options.range) + " is in no network of interface " +
                             in_quotes(options.interface) + " (" + addresses +
                             "); another range, or --subnet PREFIX, was meant");
    return {};
}

// The addresses of a list with commas.
Node& comma_list(Quick& tree, Quick::Option option, std::string_view text) {
    Node* list = nullptr;
    while (true) {
        const std::size_t comma = std::min(text.find(','), text.size());
        Node& element = tree.scalar(option, text.substr(0, comma));
        if (list == nullptr) {
            list = &tree.list(option, element);
        } else {
            list->children.push_back(&element);
        }
        if (comma == text.size()) {
            return *list;
        }
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

std::span<const std::string_view> quick_start_option_names() noexcept {
    return Quick::kNames;
}

model::Configuration read_quick_start(Reporter& reporter, const QuickStart& options,
                                      std::span<const Ipv4Prefix> interface_addresses) {
    Quick tree;
    Node& root = tree.map(Quick::kInterface);
    if (options.interface.empty()) {
        reporter.error(place_of(Quick::kInterface), "is missing; the interface to serve was meant");
    } else {
        Node& interface = tree.map(Quick::kInterface);
        tree.put_given(interface, Quick::kInterface, "name", options.interface);
        tree.put_given(interface, Quick::kDriver, "driver", options.driver);
        tree.put(root, Quick::kInterface, "interfaces", tree.list(Quick::kInterface, interface));
    }
    if (options.range.empty()) {
        reporter.error(place_of(Quick::kRange), "is missing; FIRST-LAST was meant");
    }
    tree.put_given(root, Quick::kControlSocket, "control-socket", options.control_socket);
    tree.put_given(root, Quick::kHttp, "http", options.http);
    tree.put_given(root, Quick::kStateDirectory, "state-directory", options.state_directory);
    Node& log = tree.map(Quick::kLogLevel);
    tree.put_given(log, Quick::kLogLevel, "level", options.log_level);
    tree.put(root, Quick::kLogLevel, "log", log);

    Node& wire_options = tree.map(Quick::kRouter);
    if (!options.router.empty()) {
        tree.put(wire_options, Quick::kRouter, "routers",
                 comma_list(tree, Quick::kRouter, options.router));
    }
    if (!options.dns.empty()) {
        tree.put(wire_options, Quick::kDns, "domain-name-servers",
                 comma_list(tree, Quick::kDns, options.dns));
    }
    Node& dhcp4 = tree.map(Quick::kRange);
    tree.put_given(dhcp4, Quick::kLeaseTime, "lease-time", options.lease_time);
    const std::string prefix = choose_subnet(reporter, options, interface_addresses);
    const Node& range = tree.scalar(Quick::kRange, options.range);
    if (!prefix.empty() && !options.range.empty()) {
        const auto option = options.subnet.empty() ? Quick::kRange : Quick::kSubnet;
        Node& subnet = tree.map(option);
        tree.put(subnet, option, "subnet", tree.scalar(option, prefix));
        tree.put(subnet, Quick::kRouter, "options", wire_options);
        Node& pool = tree.map(Quick::kRange);
        tree.put(pool, Quick::kRange, "range", range);
        tree.put(subnet, Quick::kRange, "pools", tree.list(Quick::kRange, pool));
        tree.put(dhcp4, option, "subnets", tree.list(option, subnet));
    } else {
        // Why there is no subnet has been reported, unless it is the range; check the rest.
        tree.put(dhcp4, Quick::kRouter, "options", wire_options);
        if (!options.range.empty()) {
            static_cast<void>(Reader{reporter}.range({&range, "range"}, false));
        }
        if (!options.subnet.empty()) {
            const Node& given = tree.scalar(Quick::kSubnet, options.subnet);
            static_cast<void>(Reader{reporter}.prefix({&given, "subnet"}));
        }
    }
    tree.put(root, Quick::kRange, "dhcp4", dhcp4);
    model::Configuration configuration =
        read_configuration(reporter, root, Completeness::kReported);
    for (model::SubnetConfiguration& subnet : configuration.dhcp4.subnets) {
        subnet.interface = options.interface;  // which has been checked under its own option
    }
    configuration.quick_start = true;
    if (options.state_directory.empty()) {
        configuration.durability = model::Durability::kMemory;
    }
    return configuration;
}

}  // namespace xdhcpd::config
