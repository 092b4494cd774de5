#include "io/xsk/xdp_interface.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdhcpd.skel.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/assert.h"
#include "base/owned_fd.h"
#include "bpf/xdhcpd_abi.h"
#include "io/xsk/device_facts.h"
#include "io/xsk/library_log.h"
#include "io/xsk/xsk_port.h"

namespace xdhcpd {
namespace {

constexpr std::uint32_t kMinRingSize = 64;
constexpr std::uint32_t kMaxRingSize = 32768;
constexpr std::uint32_t kMaxFrameCount = 1U << 20;
// The kernel keeps this much free in front of a received frame (XDP_PACKET_HEADROOM).
constexpr std::uint32_t kKernelHeadroom = 256;
// Ethernet and two VLAN tags.
constexpr std::uint32_t kLinkHeaderLen = 14 + 2 * 4;
// Half a page holds an MTU of 1770 or less; a whole page, the most there is, 3818. Longer requests
// pass.
constexpr std::uint32_t kSmallFrameLen = 2048;
constexpr std::uint32_t kLargeFrameLen = 4096;

// BPF_F_XDP_DEV_BOUND_ONLY, Linux 6.3; the headers of Debian 12 do not know it.
constexpr std::uint32_t kBoundToDevice = 1U << 6;

// One rule on both sides for buckets that were emptied at another rate.
static_assert(XD_STALE_BUCKET_SLACK == kStaleBucketSlack);

constexpr std::array<std::string_view, XD_VERDICT_COUNT> kVerdictNames{
    "pass_not_ip",       "pass_not_udp",    "pass_fragment",     "pass_ip_options",
    "pass_other_port",   "pass_truncated",  "pass_not_request",  "pass_too_long",
    "pass_unknown_link", "pass_other_host", "pass_not_local",    "pass_disabled",
    "pass_no_socket",    "redirected",      "pass_no_headroom",  "drop_client_rate",
    "drop_link_rate",    "pass_not_served", "pass_other_header", "pass_other_icmp",
    "pass_bad_nd",       "pass_no_target"};
static_assert(!kVerdictNames.back().empty());

// Both maps and the UMEM may count against the locked-memory limit on old kernels; failure shows
// itself later.
void raise_memlock_limit() noexcept {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0) {
        return;
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &limit));
    }
}

Error explain_attach_error(int error, const XdpOptions& options, const XdpFacts& facts,
                           const std::string& library_says) {
    Error result = system_error(error, "attach XDP to " + options.interface_name);
    const bool is_native = options.mode == XdpMode::kNative;
    if (error == EBUSY || error == EEXIST) {
        result.message += describe_attached_program(facts.ifindex);
    } else if (error == EPERM || error == EACCES) {
        result.message += " (needs CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON)";
    } else if (error == EOPNOTSUPP && is_native) {
        result.message += " (driver '" + facts.driver_name + "' has no native XDP)";
    } else if (is_native && (error == EINVAL || error == ERANGE || error == ENOSPC)) {
        result.message += " (driver '" + facts.driver_name + "' at MTU " +
                          std::to_string(facts.mtu) + " refuses: queue counts, LRO or MTU)";
    } else {
        result.message += library_says;
    }
    return result;
}

bool is_valid(const XdpOptions& options) noexcept {
    return options.ring_size >= kMinRingSize && options.ring_size <= kMaxRingSize &&
           std::has_single_bit(options.ring_size) && options.frame_count > options.ring_size &&
           options.frame_count <= kMaxFrameCount && options.server_port != 0;
}

// The queues to open, or an error that names the bad one.
Result<std::vector<std::uint32_t>, Error> choose_queues(const XdpOptions& options,
                                                        const XdpFacts& facts) {
    std::vector<std::uint32_t> queues = options.queues;
    if (queues.empty()) {
        for (std::uint32_t i = 0; i < std::min<std::uint32_t>(facts.queue_count, XD_MAX_QUEUES);
             ++i) {
            queues.push_back(i);
        }
        return queues;
    }
    std::vector<std::uint32_t> sorted = queues;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end() ||
        sorted.back() >= XD_MAX_QUEUES) {
        return Unexpected{system_error(EINVAL, "queues of " + options.interface_name +
                                                   " (each once, below " +
                                                   std::to_string(XD_MAX_QUEUES) + ")")};
    }
    return queues;
}

// Makes the keys of `map` exactly those of `wanted`: first all additions, then the removals.
template <typename Key, typename Value>
Result<Success, Error> replace_entries(const bpf_map* map,
                                       const std::vector<std::pair<Key, Value>>& wanted,
                                       const std::string& object) {
    static_assert(std::has_unique_object_representations_v<Key>);
    using KeyBytes = std::array<std::byte, sizeof(Key)>;
    const int fd = bpf_map__fd(map);
    std::vector<KeyBytes> kept;
    kept.reserve(wanted.size());
    for (const auto& [key, value] : wanted) {
        if (bpf_map_update_elem(fd, &key, &value, BPF_ANY) != 0) {
            return Unexpected{system_error(errno, "write " + object)};
        }
        kept.push_back(std::bit_cast<KeyBytes>(key));
    }
    std::sort(kept.begin(), kept.end());
    std::vector<KeyBytes> stale;
    KeyBytes key{};
    const KeyBytes* previous = nullptr;
    while (bpf_map_get_next_key(fd, previous, &key) == 0) {
        if (!std::binary_search(kept.begin(), kept.end(), key)) {
            stale.push_back(key);
        }
        previous = &key;
    }
    for (const KeyBytes& old : stale) {
        if (bpf_map_delete_elem(fd, &old) != 0 && errno != ENOENT) {
            return Unexpected{system_error(errno, "remove from " + object)};
        }
    }
    return Success{};
}

[[nodiscard]] std::uint32_t flags_of(const XdpLink& link) noexcept {
    std::uint32_t flags = 0;
    const auto add = [&](bool wanted, xd_link_flag flag) {
        flags |= wanted ? static_cast<std::uint32_t>(flag) : 0;
    };
    add(link.dhcp4, XD_LINK_DHCP4);
    add(link.dhcp6, XD_LINK_DHCP6);
    add(link.advertise, XD_LINK_ADVERTISE);
    add(link.proxy, XD_LINK_PROXY);
    return flags;
}

}  // namespace

// Members are destroyed from the last to the first; the destructor does what needs an order of its
// own.
struct XdpInterface::Parts {
    XdpOptions options;
    XdpFacts facts;
    xdhcpd_bpf* skeleton = nullptr;
    bpf_program* program = nullptr;  // the entry in use, of `skeleton`
    OwnedFd link;
    std::vector<std::unique_ptr<XskPort>> sockets;
    std::vector<Port*> ports;  // the same
    xd_settings settings{};
    bool has_client_map = false;

    Parts() = default;
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    ~Parts();

    [[nodiscard]] int load_entry(bool is_bound);
    [[nodiscard]] Result<Success, Error> load();
    [[nodiscard]] Result<Success, Error> attach();
    [[nodiscard]] Result<Success, Error> open_sockets();
    [[nodiscard]] int set_enabled(bool enabled) noexcept;
    [[nodiscard]] int write_settings() const noexcept;
    [[nodiscard]] Result<Success, Error> give_client_map();
    void take_client_map() noexcept;
};

XdpInterface::Parts::~Parts() {
    if (skeleton != nullptr) {
        if (!ports.empty()) {
            static_cast<void>(set_enabled(false));
            for (const Port* port : ports) {
                const std::uint32_t queue = port->queue();
                static_cast<void>(
                    bpf_map_delete_elem(bpf_map__fd(skeleton->maps.xd_sockets), &queue));
            }
        }
        link.reset();
        ports.clear();
        sockets.clear();
        xdhcpd_bpf__destroy(skeleton);
    }
}

int XdpInterface::Parts::set_enabled(bool enabled) noexcept {
    settings.enabled = enabled ? 1 : 0;
    return write_settings();
}

int XdpInterface::Parts::write_settings() const noexcept {
    const std::uint32_t key = 0;
    const int fd = bpf_map__fd(skeleton->maps.xd_settings);
    return bpf_map_update_elem(fd, &key, &settings, BPF_ANY) == 0 ? 0 : errno;
}

// The map of maps keeps it alive.
Result<Success, Error> XdpInterface::Parts::give_client_map() {
    if (has_client_map) {
        return Success{};
    }
    const std::uint32_t key = 0;
    const OwnedFd fd{bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "xd_client_map", sizeof(xd_client_key),
                                    sizeof(xd_client), XD_MAX_CLIENTS, nullptr)};
    const int map_fd = fd.get();
    if (!fd.is_open() ||
        bpf_map_update_elem(bpf_map__fd(skeleton->maps.xd_clients), &key, &map_fd, BPF_ANY) != 0) {
        return Unexpected{
            system_error(errno, "create the map of clients' rates for " + options.interface_name)};
    }
    has_client_map = true;
    return Success{};
}

void XdpInterface::Parts::take_client_map() noexcept {
    if (has_client_map) {
        const std::uint32_t key = 0;
        static_cast<void>(bpf_map_delete_elem(bpf_map__fd(skeleton->maps.xd_clients), &key));
        has_client_map = false;
    }
}

// Loads the entry that is bound to the device, or the one that is not. 0 or an errno.
int XdpInterface::Parts::load_entry(bool is_bound) {
    skeleton = xdhcpd_bpf__open();
    if (skeleton == nullptr) {
        return errno;
    }
    skeleton->rodata->xd_server_port = options.server_port;
    skeleton->rodata->xd_server_port6 = options.server_port6;
    skeleton->rodata->xd_max_frame_len = facts.max_frame_len;
    program = is_bound ? skeleton->progs.xd_ingress_dev : skeleton->progs.xd_ingress;
    static_cast<void>(bpf_program__set_autoload(skeleton->progs.xd_ingress, !is_bound));
    static_cast<void>(bpf_program__set_autoload(skeleton->progs.xd_ingress_dev, is_bound));
    if (is_bound) {
        bpf_program__set_ifindex(program, facts.ifindex);
        static_cast<void>(
            bpf_program__set_flags(program, bpf_program__flags(program) | kBoundToDevice));
    }
    const int error = -xdhcpd_bpf__load(skeleton);
    if (error != 0) {
        xdhcpd_bpf__destroy(std::exchange(skeleton, nullptr));
    }
    return error;
}

Result<Success, Error> XdpInterface::Parts::load() {
    const LibraryLog log;
    // Only a driver can tell about tags that it took out of the frame, and only since Linux 6.8.
    if (options.mode == XdpMode::kNative && load_entry(/*is_bound=*/true) == 0) {
        facts.sees_stripped_tags = true;
        return Success{};
    }
    if (const int error = load_entry(/*is_bound=*/false); error != 0) {
        Error result = system_error(error, "load XDP program for " + options.interface_name);
        // EACCES is the verifier's word, for want of CAP_PERFMON as well.
        result.message += error == EPERM ? std::string{} : log.suffix();
        if (error == EPERM || error == EACCES) {
            result.message += " (needs CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON)";
        }
        return Unexpected{std::move(result)};
    }
    return Success{};
}

Result<Success, Error> XdpInterface::Parts::attach() {
    const LibraryLog log;
    const int program_fd = bpf_program__fd(program);
    bpf_prog_info info{};
    std::uint32_t info_len = sizeof info;
    if (bpf_obj_get_info_by_fd(program_fd, &info, &info_len) != 0) {
        return Unexpected{system_error(errno, "identify XDP program")};
    }
    facts.program_id = info.id;

    const bool is_native = options.mode == XdpMode::kNative;
    bpf_link_create_opts create{};
    create.sz = sizeof create;
    create.flags = is_native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    const int fd = bpf_link_create(program_fd, static_cast<int>(facts.ifindex), BPF_XDP, &create);
    if (fd < 0) {
        return Unexpected{explain_attach_error(-fd, options, facts, log.suffix())};
    }
    link = OwnedFd{fd};

    bpf_xdp_query_opts query{};
    query.sz = sizeof query;
    const int error = bpf_xdp_query(static_cast<int>(facts.ifindex), 0, &query);
    if (error != 0) {
        return Unexpected{system_error(-error, "verify XDP program on " + options.interface_name)};
    }
    if ((is_native ? query.drv_prog_id : query.skb_prog_id) != facts.program_id) {
        return Unexpected{Error{0, "verify XDP program on " + options.interface_name +
                                       ": attached, but not found in " +
                                       (is_native ? "native" : "generic") + " mode"}};
    }
    facts.mode = options.mode;
    return Success{};
}

Result<Success, Error> XdpInterface::Parts::open_sockets() {
    const LibraryLog log;
    const auto queues = choose_queues(options, facts);
    if (!queues) {
        return Unexpected{queues.error()};
    }
    std::uint16_t bind_flags = 0;
    if (options.mode == XdpMode::kGeneric || options.zero_copy == XdpZeroCopy::kOff) {
        bind_flags = XDP_COPY;
    } else if (options.zero_copy == XdpZeroCopy::kOn) {
        bind_flags = XDP_ZEROCOPY;
    }
    const std::uint32_t frame_len = facts.max_frame_len + kKernelHeadroom;

    facts.zero_copy = true;
    for (const std::uint32_t queue : *queues) {
        auto port =
            XskPort::open({.interface_name = options.interface_name,
                           .ifindex = facts.ifindex,
                           .queue = queue,
                           .driver = options.mode == XdpMode::kNative ? "xdp" : "xdp-generic",
                           .ring_size = options.ring_size,
                           .frame_count = options.frame_count,
                           .frame_len = frame_len,
                           .max_tx_frame_len = std::min(frame_len, facts.mtu + kLinkHeaderLen),
                           .bind_flags = bind_flags});
        if (!port) {
            return Unexpected{port.error()};
        }
        const int fd = (*port)->fd();
        if (bpf_map_update_elem(bpf_map__fd(skeleton->maps.xd_sockets), &queue, &fd, BPF_ANY) !=
            0) {
            return Unexpected{system_error(errno, "register AF_XDP socket of " +
                                                      options.interface_name + " queue " +
                                                      std::to_string(queue))};
        }
        facts.zero_copy = facts.zero_copy && (*port)->zero_copy();
        ports.push_back(port->get());
        sockets.push_back(std::move(*port));
    }
    return Success{};
}

Result<std::unique_ptr<XdpInterface>, Error> XdpInterface::open(const XdpOptions& options) {
    if (!is_valid(options)) {
        return Unexpected{system_error(EINVAL, "XDP options of " + options.interface_name)};
    }
    if (options.mode == XdpMode::kGeneric && options.zero_copy == XdpZeroCopy::kOn) {
        return Unexpected{system_error(
            EINVAL, "zero-copy on " + options.interface_name + " (needs native mode)")};
    }
    auto facts = find_facts(options.interface_name);
    if (!facts) {
        return Unexpected{facts.error()};
    }
    raise_memlock_limit();

    auto parts = std::make_unique<Parts>();
    parts->options = options;
    parts->facts = std::move(*facts);
    const bool is_small = parts->facts.mtu + kLinkHeaderLen + kKernelHeadroom <= kSmallFrameLen;
    parts->facts.max_frame_len = (is_small ? kSmallFrameLen : kLargeFrameLen) - kKernelHeadroom;

    for (const auto step : {&Parts::load, &Parts::attach, &Parts::open_sockets}) {
        auto done = (*parts.*step)();
        if (!done) {
            return Unexpected{done.error()};
        }
    }
    if (const int error = parts->set_enabled(true); error != 0) {
        return Unexpected{
            system_error(error, "switch on XDP program on " + options.interface_name)};
    }
    return std::unique_ptr<XdpInterface>{new XdpInterface{std::move(parts)}};
}

XdpInterface::XdpInterface(std::unique_ptr<Parts> parts) noexcept : parts_{std::move(parts)} {}

XdpInterface::~XdpInterface() = default;

Result<Success, Error> XdpInterface::set_links(std::span<const XdpLink> links) {
    std::vector<std::pair<xd_link_key, xd_link>> entries;
    entries.reserve(links.size());
    for (const XdpLink& link : links) {
        xd_link_key key{};
        key.ifindex = parts_->facts.ifindex;
        key.outer_vid = link.outer_vid;
        key.inner_vid = link.inner_vid;
        xd_link value{};
        value.flags = flags_of(link);
        const Mac& mac = link.mac.is_zero() ? parts_->facts.mac : link.mac;
        std::memcpy(value.mac, mac.octets.data(), Mac::kLen);
        entries.emplace_back(key, value);
    }
    return replace_entries(parts_->skeleton->maps.xd_links, entries,
                           "links of " + parts_->options.interface_name);
}

Result<Success, Error> XdpInterface::set_local(std::span<const Ipv4> addresses) {
    std::vector<std::pair<xd_local_key, xd_local>> entries;
    entries.reserve(addresses.size());
    for (const Ipv4 address : addresses) {
        xd_local_key key{};
        std::array<std::byte, sizeof key> wire{};
        address.store(wire.data());
        std::memcpy(&key, wire.data(), sizeof key);
        entries.emplace_back(key, xd_local{});
    }
    return replace_entries(parts_->skeleton->maps.xd_local, entries,
                           "local addresses of " + parts_->options.interface_name);
}

Result<Success, Error> XdpInterface::set_local6(std::span<const Ipv6> addresses) {
    std::vector<std::pair<xd_local6_key, xd_local>> entries;
    entries.reserve(addresses.size());
    for (const Ipv6& address : addresses) {
        entries.emplace_back(std::bit_cast<xd_local6_key>(address), xd_local{});
    }
    return replace_entries(parts_->skeleton->maps.xd_local6, entries,
                           "local IPv6 addresses of " + parts_->options.interface_name);
}

Result<Success, Error> XdpInterface::set_neighbor_targets(
    std::span<const XdpNeighborTarget> targets) {
    std::vector<std::pair<xd_nd_target_key, xd_nd_target>> entries;
    entries.reserve(targets.size());
    for (const XdpNeighborTarget& target : targets) {
        xd_nd_target_key key{};
        key.prefix_len = XD_ND_LINK_BITS + target.prefix.length;
        key.link.ifindex = parts_->facts.ifindex;
        key.link.outer_vid = target.outer_vid;
        key.link.inner_vid = target.inner_vid;
        const Ipv6 network = target.prefix.network();
        std::memcpy(key.target, network.octets.data(), Ipv6::kLen);
        entries.emplace_back(key, xd_nd_target{});
    }
    return replace_entries(parts_->skeleton->maps.xd_nd_targets, entries,
                           "neighbor targets of " + parts_->options.interface_name);
}

Result<Success, Error> XdpInterface::set_rates(const XdpRates& rates) {
    if (rates.client.limited()) {
        if (auto given = parts_->give_client_map(); !given) {
            return given;
        }
    }
    xd_settings& settings = parts_->settings;
    settings.client = {rates.client.interval, rates.client.tolerance};
    settings.link = {rates.link.interval, rates.link.tolerance};
    settings.limited = rates.client.limited() || rates.link.limited() ? 1 : 0;
    if (const int error = parts_->write_settings(); error != 0) {
        return Unexpected{
            system_error(error, "set rates of XDP program on " + parts_->options.interface_name)};
    }
    if (!rates.client.limited()) {
        parts_->take_client_map();
    }
    return Success{};
}

Result<Success, Error> XdpInterface::set_enabled(bool enabled) {
    if (const int error = parts_->set_enabled(enabled); error != 0) {
        return Unexpected{
            system_error(error, "switch XDP program on " + parts_->options.interface_name)};
    }
    return Success{};
}

std::span<Port* const> XdpInterface::ports() const noexcept {
    return parts_->ports;
}

const XdpFacts& XdpInterface::facts() const noexcept {
    return parts_->facts;
}

Result<std::vector<XdpVerdictCount>, Error> XdpInterface::counters() const {
    const int cpu_count = libbpf_num_possible_cpus();
    if (cpu_count <= 0) {
        return Unexpected{system_error(-cpu_count, "count CPUs")};
    }
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(cpu_count));
    std::vector<XdpVerdictCount> result;
    result.reserve(kVerdictNames.size());
    for (std::uint32_t verdict = 0; verdict < kVerdictNames.size(); ++verdict) {
        const int fd = bpf_map__fd(parts_->skeleton->maps.xd_verdicts);
        if (bpf_map_lookup_elem(fd, &verdict, per_cpu.data()) != 0) {
            return Unexpected{
                system_error(errno, "read XDP counters of " + parts_->options.interface_name)};
        }
        std::uint64_t sum = 0;
        for (const std::uint64_t count : per_cpu) {
            sum += count;
        }
        result.push_back({.name = kVerdictNames[verdict], .frames = sum});
    }
    return result;
}

Result<XskStatistics, Error> XdpInterface::statistics(std::size_t port_index) const {
    XD_ASSERT(port_index < parts_->ports.size());
    xdp_statistics kernel{};
    socklen_t kernel_len = sizeof kernel;
    if (::getsockopt(parts_->ports[port_index]->fd(), SOL_XDP, XDP_STATISTICS, &kernel,
                     &kernel_len) != 0) {
        return Unexpected{
            system_error(errno, "read AF_XDP statistics of " + parts_->options.interface_name)};
    }
    return XskStatistics{.rx_dropped = kernel.rx_dropped,
                         .rx_invalid_descriptors = kernel.rx_invalid_descs,
                         .tx_invalid_descriptors = kernel.tx_invalid_descs,
                         .rx_ring_full = kernel.rx_ring_full,
                         .rx_fill_ring_empty = kernel.rx_fill_ring_empty_descs,
                         .tx_ring_empty = kernel.tx_ring_empty_descs};
}

}  // namespace xdhcpd
