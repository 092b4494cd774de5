#include "host/devices.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace xdhcpd::host {
namespace {

namespace fs = std::filesystem;

// More would not fit a line anybody reads.
constexpr std::size_t kMaxHolders = 4;

[[nodiscard]] bool mentions_program(const fs::path& fdinfo, const std::string& wanted) {
    std::ifstream file{fdinfo};
    for (std::string line; std::getline(file, line);) {
        if (line == wanted) {
            return true;
        }
    }
    return false;
}

// Descriptors of programs and of links both show "prog_id:" in /proc/PID/fdinfo.
[[nodiscard]] std::vector<Holder> find_holders(std::uint32_t program_id) {
    const std::string wanted = "prog_id:\t" + std::to_string(program_id);
    std::vector<Holder> holders;
    std::error_code error;
    for (fs::directory_iterator process{"/proc", error}, end;
         !error && process != end && holders.size() < kMaxHolders; process.increment(error)) {
        const std::string name = process->path().filename();
        Holder holder;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), holder.pid);
        if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) {
            continue;
        }
        std::error_code gone;  // a process may end at any moment, and others' are closed to us
        for (fs::directory_iterator fd{process->path() / "fdinfo", gone};
             !gone && fd != fs::directory_iterator{}; fd.increment(gone)) {
            if (mentions_program(fd->path(), wanted)) {
                std::ifstream command{process->path() / "comm"};
                std::getline(command, holder.command);
                holders.push_back(holder);
                break;
            }
        }
    }
    return holders;
}

}  // namespace

std::uint32_t read_queue_count(const std::string& interface_name) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return 0;
    }
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    ifreq request{};
    interface_name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_data = reinterpret_cast<char*>(&channels);
    const int error = ::ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : errno;
    ::close(fd);
    if (error == ENODEV) {
        return 0;
    }
    return error != 0 ? 1 : std::max<std::uint32_t>(1, channels.combined_count + channels.rx_count);
}

std::optional<XdpProgram> find_xdp_program(std::uint32_t ifindex) {
    bpf_xdp_query_opts query{};
    query.sz = sizeof query;
    if (bpf_xdp_query(static_cast<int>(ifindex), 0, &query) != 0) {
        return std::nullopt;
    }
    XdpProgram program;
    for (const std::uint32_t id :
         {query.prog_id, query.drv_prog_id, query.skb_prog_id, query.hw_prog_id}) {
        program.id = program.id != 0 ? program.id : id;
    }
    if (program.id == 0) {
        return std::nullopt;
    }
    const int fd = bpf_prog_get_fd_by_id(program.id);
    if (fd >= 0) {
        bpf_prog_info info{};
        std::uint32_t info_len = sizeof info;
        if (bpf_obj_get_info_by_fd(fd, &info, &info_len) == 0) {
            program.name = info.name;
        }
        ::close(fd);
    }
    program.holders = find_holders(program.id);
    return program;
}

std::string describe(const XdpProgram& program) {
    std::string text = "XDP program " + std::to_string(program.id);
    if (!program.name.empty()) {
        text += " '" + program.name + "'";
    }
    if (program.holders.empty()) {
        return text + " is held by no process that can be seen (`ip link` attaches such)";
    }
    text += " is held by ";
    for (std::size_t i = 0; i < program.holders.size(); ++i) {
        const Holder& holder = program.holders[i];
        text += (i == 0 ? "" : ", ") + holder.command + " (pid " + std::to_string(holder.pid) + ")";
    }
    return text;
}

}  // namespace xdhcpd::host
