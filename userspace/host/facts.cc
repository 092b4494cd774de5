#include "host/facts.h"

#include <cap-ng.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "host/host.h"

namespace xdhcpd::host {
namespace {

namespace fs = std::filesystem;

// Generic netlink family "netdev" of Linux 6.3 (include/uapi/linux/netdev.h); Debian 12 has no
// header of it.
constexpr std::uint8_t kNetdevDevGet = 1;
constexpr std::uint16_t kNetdevIfindex = 1;
constexpr std::uint16_t kNetdevXdpFeatures = 3;
constexpr std::uint16_t kNetdevMetadataFeatures = 5;
constexpr std::uint64_t kXdpBasic = 1;
constexpr std::uint64_t kXdpRedirect = 2;
constexpr std::uint64_t kXdpZeroCopy = 8;
constexpr std::uint64_t kXdpMultiBuffer = 32;
constexpr std::uint64_t kMetadataVlanTag = 4;
constexpr std::uint32_t kServerPort = 67;

template <typename T>
[[nodiscard]] std::optional<T> read_number(const std::string& path) {
    std::ifstream file{path};
    T value{};
    return file >> value ? std::optional{value} : std::nullopt;
}

// One request of a generic netlink family; attributes of the answer go to `visit`.
template <typename Visit>
[[nodiscard]] bool ask_generic(std::uint16_t family, std::uint8_t command, std::uint16_t attribute,
                               const void* value, std::size_t value_len, const Visit& visit) {
    const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket{
        mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC), mnl_socket_close};
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        return false;
    }
    alignas(nlmsghdr) std::array<char, 16384> buffer{};
    nlmsghdr* const header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = family;
    header->nlmsg_flags = NLM_F_REQUEST;
    auto* const body =
        static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header, sizeof(genlmsghdr)));
    body->cmd = command;
    body->version = 1;
    mnl_attr_put(header, attribute, value_len, value);
    if (mnl_socket_sendto(socket.get(), header, header->nlmsg_len) < 0) {
        return false;
    }
    const ssize_t len = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    const auto* const answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
    if (len <= 0 || !mnl_nlmsg_ok(answer, static_cast<int>(len)) ||
        answer->nlmsg_type == NLMSG_ERROR) {
        return false;
    }
    const auto* const first = static_cast<const char*>(mnl_nlmsg_get_payload(answer));
    const std::size_t end = mnl_nlmsg_get_payload_len(answer);
    for (std::size_t at = MNL_ALIGN(sizeof(genlmsghdr)); at + sizeof(nlattr) <= end;) {
        nlattr each{};
        std::memcpy(&each, first + at, sizeof each);
        if (each.nla_len < sizeof each || at + each.nla_len > end) {
            break;
        }
        visit(static_cast<std::uint16_t>(each.nla_type & NLA_TYPE_MASK), first + at + sizeof each,
              each.nla_len - sizeof each);
        at += MNL_ALIGN(std::size_t{each.nla_len});
    }
    return true;
}

[[nodiscard]] std::uint64_t load_u64(const void* value, std::size_t len) noexcept {
    std::uint64_t result = 0;
    std::memcpy(&result, value, std::min(len, sizeof result));
    return result;
}

[[nodiscard]] std::optional<XdpAbilities> read_abilities(std::uint32_t ifindex) {
    std::uint16_t family = 0;
    static constexpr char kName[] = "netdev";
    const bool known =
        ask_generic(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, kName, sizeof kName,
                    [&](std::uint16_t type, const void* value, std::size_t len) {
                        if (type == CTRL_ATTR_FAMILY_ID) {
                            family = static_cast<std::uint16_t>(load_u64(value, len));
                        }
                    });
    if (!known || family == 0) {
        return std::nullopt;
    }
    std::uint64_t features = 0;
    std::uint64_t metadata = 0;
    if (!ask_generic(family, kNetdevDevGet, kNetdevIfindex, &ifindex, sizeof ifindex,
                     [&](std::uint16_t type, const void* value, std::size_t len) {
                         if (type == kNetdevXdpFeatures) {
                             features = load_u64(value, len);
                         } else if (type == kNetdevMetadataFeatures) {
                             metadata = load_u64(value, len);
                         }
                     })) {
        return std::nullopt;
    }
    return XdpAbilities{(features & kXdpBasic) != 0 && (features & kXdpRedirect) != 0,
                        (features & kXdpZeroCopy) != 0, (features & kXdpMultiBuffer) != 0,
                        (metadata & kMetadataVlanTag) != 0};
}

class Ethtool {
  public:
    explicit Ethtool(const std::string& name)
        : fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        name.copy(request_.ifr_name, sizeof request_.ifr_name - 1);
    }
    Ethtool(const Ethtool&) = delete;
    Ethtool& operator=(const Ethtool&) = delete;
    ~Ethtool() { ::close(fd_); }

    [[nodiscard]] bool ask(void* argument) {
        request_.ifr_data = static_cast<char*>(argument);
        return ::ioctl(fd_, SIOCETHTOOL, &request_) == 0;
    }

  private:
    int fd_;
    ifreq request_{};
};

void read_driver(InterfaceFacts& facts) {
    Ethtool ethtool{facts.name};
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    if (ethtool.ask(&info)) {
        facts.driver.assign(info.driver, ::strnlen(info.driver, sizeof info.driver));
    }
    // The flags of old cover LRO and VLAN tags; hardware GRO has a name only.
    ethtool_value flags{};
    flags.cmd = ETHTOOL_GFLAGS;
    if (ethtool.ask(&flags)) {
        facts.lro = (flags.data & ETH_FLAG_LRO) != 0;
        facts.strips_vlan = (flags.data & ETH_FLAG_RXVLAN) != 0;
    }
    alignas(ethtool_sset_info) std::array<std::uint32_t, sizeof(ethtool_sset_info) / 4 + 1> set{};
    auto* const head = reinterpret_cast<ethtool_sset_info*>(set.data());
    head->cmd = ETHTOOL_GSSET_INFO;
    head->sset_mask = std::uint64_t{1} << ETH_SS_FEATURES;
    constexpr std::uint32_t kMaxFeatures = 1024;
    if (!ethtool.ask(head) || set.back() == 0 || set.back() > kMaxFeatures) {
        return;
    }
    const std::uint32_t count = set.back();
    std::vector<std::uint32_t> names(sizeof(ethtool_gstrings) / 4 +
                                     std::size_t{count} * ETH_GSTRING_LEN / 4);
    auto* const strings = reinterpret_cast<ethtool_gstrings*>(names.data());
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = count;
    const std::uint32_t blocks = (count + 31) / 32;
    std::vector<std::uint32_t> values(sizeof(ethtool_gfeatures) / 4 +
                                      std::size_t{blocks} * sizeof(ethtool_get_features_block) / 4);
    auto* const features = reinterpret_cast<ethtool_gfeatures*>(values.data());
    features->cmd = ETHTOOL_GFEATURES;
    features->size = blocks;
    if (!ethtool.ask(strings) || !ethtool.ask(features)) {
        return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const char* const name =
            reinterpret_cast<const char*>(strings->data) + std::size_t{i} * ETH_GSTRING_LEN;
        if (std::strncmp(name, "rx-gro-hw", ETH_GSTRING_LEN) == 0) {
            facts.gro_hw = ((features->features[i / 32].active >> (i % 32)) & 1U) != 0;
        }
    }
}

// "max 100000" or "50000 100000" of cpu.max, the smallest on the way up from our control group.
[[nodiscard]] std::optional<double> read_cpu_quota() {
    std::ifstream file{"/proc/self/cgroup"};
    std::optional<double> smallest;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("0::")) {
            continue;
        }
        for (fs::path path{line.substr(3)}; !path.empty(); path = path.parent_path()) {
            std::ifstream limit{"/sys/fs/cgroup" + path.string() + "/cpu.max"};
            double quota = 0;
            double period = 0;
            if (limit >> quota >> period && period > 0) {
                smallest = std::min(smallest.value_or(quota / period), quota / period);
            }
            if (path == path.root_path()) {
                break;
            }
        }
    }
    return smallest;
}

// Sockets on UDP port 67 by their inode.
[[nodiscard]] std::set<std::string> find_port_sockets() {
    std::set<std::string> inodes;
    for (const char* const table : {"/proc/net/udp", "/proc/net/udp6"}) {
        std::ifstream file{table};
        std::string line;
        std::getline(file, line);  // headings
        while (std::getline(file, line)) {
            std::istringstream fields{line};
            std::vector<std::string> words;
            for (std::string word; fields >> word;) {
                words.push_back(word);
            }
            const std::size_t colon = words.size() > 9 ? words[1].rfind(':') : std::string::npos;
            if (colon != std::string::npos &&
                std::strtoul(words[1].c_str() + colon + 1, nullptr, 16) == kServerPort) {
                inodes.insert(words[9]);
            }
        }
    }
    return inodes;
}

[[nodiscard]] std::vector<Holder> find_socket_holders(const std::set<std::string>& inodes) {
    std::vector<Holder> holders;
    std::error_code error;
    for (fs::directory_iterator process{"/proc", error}, end; !error && process != end;
         process.increment(error)) {
        const std::string name = process->path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        std::error_code gone;  // processes end, and others' are closed to us
        for (fs::directory_iterator fd{process->path() / "fd", gone};
             !gone && fd != fs::directory_iterator{}; fd.increment(gone)) {
            std::error_code unreadable;
            const std::string target = fs::read_symlink(fd->path(), unreadable);
            if (!unreadable && target.starts_with("socket:[") &&
                inodes.contains(target.substr(8, target.size() - 9))) {
                Holder holder;
                holder.pid = static_cast<std::uint32_t>(std::strtoul(name.c_str(), nullptr, 10));
                std::ifstream command{process->path() / "comm"};
                std::getline(command, holder.command);
                holders.push_back(holder);
                break;
            }
        }
    }
    return holders;
}

void read_privileges(HostFacts& facts) {
    static_cast<void>(capng_get_caps_process());
    constexpr std::array<std::pair<unsigned, const char*>, 5> kNeeded{
        {{CAP_NET_RAW, "CAP_NET_RAW"},
         {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
         {CAP_BPF, "CAP_BPF"},
         {CAP_PERFMON, "CAP_PERFMON"},
         {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"}}};
    for (const auto& [capability, name] : kNeeded) {
        if (capng_have_capability(CAPNG_EFFECTIVE, capability) == 0) {
            facts.missing_capabilities.emplace_back(name);
        }
    }
    facts.may_lock_memory = capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK) != 0;
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max != RLIM_INFINITY) {
        facts.memlock_limit = limit.rlim_max;
    }
}

}  // namespace

HostFacts read_facts(const std::vector<std::string>& interface_names) {
    HostFacts facts;
    utsname system{};
    if (::uname(&system) == 0) {
        facts.kernel = system.release;
        static_cast<void>(
            std::sscanf(system.release, "%u.%u", &facts.kernel_major, &facts.kernel_minor));
    }
    read_privileges(facts);
    facts.cpu_quota = read_cpu_quota();
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (::sched_getaffinity(0, sizeof cpus, &cpus) == 0) {
        facts.cpu_count = static_cast<std::uint32_t>(CPU_COUNT(&cpus));
    }
    facts.bpf_jit = read_number<int>("/proc/sys/net/core/bpf_jit_enable");
    facts.unprivileged_bpf_disabled =
        read_number<int>("/proc/sys/kernel/unprivileged_bpf_disabled");
    const std::set<std::string> sockets = find_port_sockets();
    facts.is_port_taken = !sockets.empty();
    facts.port_holders = sockets.empty() ? std::vector<Holder>{} : find_socket_holders(sockets);

    const auto state = read_host_state();
    for (const std::string& name : interface_names) {
        InterfaceFacts interface;
        interface.name = name;
        const model::HostInterface* const found = state ? state->find(name) : nullptr;
        if (found != nullptr) {
            interface.exists = true;
            interface.up = found->up;
            interface.carrier = found->carrier;
            interface.mtu = found->mtu;
            interface.queue_count = read_queue_count(name);
            interface.xdp = read_abilities(found->ifindex);
            interface.program = find_xdp_program(found->ifindex);
            read_driver(interface);
        }
        facts.interfaces.push_back(std::move(interface));
    }
    return facts;
}

}  // namespace xdhcpd::host
