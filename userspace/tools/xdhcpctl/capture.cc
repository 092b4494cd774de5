#include "tools/xdhcpctl/capture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <iostream>
#include <vector>

#include "pcapng/reader.h"
#include "tools/xdhcpctl/packet_line.h"
#include "tools/xdhcpctl/pages.h"

namespace xdhcpd::xdhcpctl {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::size_t kReadLen = std::size_t{1} << 16;
// Output that waits for a slow reader; beyond it the server waits, and then packets are missed.
constexpr std::size_t kMaxPendingLen = std::size_t{1} << 18;
// A pipe that is ready takes so much without blocking, so that signals are always heard.
constexpr std::size_t kPipeWriteLen = 4096;
// After a signal: how long the end of the file may take.
constexpr std::chrono::seconds kPatience{3};

// The whole of one capture on this side.
class Session {
  public:
    Session(int socket, int out, bool raw, bool as_json)
        : socket_{socket}, out_fd_{out}, raw_{raw}, as_json_{as_json} {
        struct stat status {};
        is_file_ = fstat(out, &status) == 0 && S_ISREG(status.st_mode);
    }

    void feed(std::string_view bytes) {
        input_.insert(input_.end(), as_bytes(bytes).begin(), as_bytes(bytes).end());
        std::size_t used = 0;
        while (error_.empty()) {
            const auto block = pcapng::first_block(ByteView{input_}.subspan(used));
            if (!block) {
                fail(block.error());
                break;
            }
            if (!*block) {
                break;
            }
            used += (*block)->bytes.size();
            take(**block);
        }
        input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used));
    }

    // Until the end, however it comes.
    [[nodiscard]] int run(int signal_fd) {
        while (!finished()) {
            std::array<pollfd, 3> fds{{
                {signal_fd, POLLIN, 0},
                {socket_, static_cast<short>(wants_input() ? POLLIN : 0), 0},
                {out_fd_, static_cast<short>(pending() != 0 ? POLLOUT : 0), 0},
            }};
            if (ended_ || !wants_input()) {
                fds[1].fd = -1;  // it would say that the server has closed, again and again
            }
            static_cast<void>(poll(fds.data(), fds.size(), stopped_ ? 100 : -1));
            if (fds[0].revents != 0) {
                take_signal(signal_fd);
            }
            if (fds[1].revents != 0) {
                receive();
            }
            if ((fds[2].revents & (POLLERR | POLLNVAL)) != 0 && (fds[2].revents & POLLOUT) == 0) {
                reader_gone_ = true;
            } else if (pending() != 0 && fds[2].revents != 0) {
                transmit();
            }
        }
        std::cerr << packets_ << (packets_ == 1 ? " packet" : " packets") << " captured, "
                  << missed_ << " missed\n";
        if (!error_.empty()) {
            std::cerr << "xdhcpctl: " << error_ << '\n';
            return kFailed;
        }
        if (!closed_ && !reader_gone_) {
            std::cerr << "xdhcpctl: the capture was cut off: xdhcpd closed the connection\n";
            return kFailed;
        }
        return kOk;
    }

  private:
    [[nodiscard]] std::size_t pending() const { return output_.size() - sent_; }
    [[nodiscard]] bool wants_input() const { return !ended_ && pending() < kMaxPendingLen; }
    [[nodiscard]] bool finished() const {
        return reader_gone_ || !error_.empty() || (ended_ && pending() == 0) || stops_ > 1 ||
               (stopped_ && Clock::now() > deadline_);
    }
    void fail(pcapng::ReadError error) {
        error_ = "xdhcpd sent something that is no capture: " + std::string{name(error)};
    }

    void take(const pcapng::Block& block) {
        if (raw_) {  // whole blocks only: the file can always be read
            const std::string_view bytes = as_text(block.bytes);
            output_.append(bytes);
        }
        if (block.type == pcapng::kInterfaceBlock) {
            const auto interface = read_interface(block);
            if (!interface) {
                fail(interface.error());
                return;
            }
            interfaces_.emplace_back(interface->name);
        } else if (block.type == pcapng::kPacketBlock) {
            const auto packet = read_packet(block);
            if (!packet) {
                fail(packet.error());
                return;
            }
            ++packets_;
            missed_ += packet->missed_before;
            if (!raw_) {
                print(*packet);
            }
        } else if (block.type == pcapng::kStatisticsBlock) {
            const auto statistics = read_statistics(block);
            if (!statistics) {
                fail(statistics.error());
                return;
            }
            missed_in_all_ += statistics->missed;
            missed_ = std::max(missed_, missed_in_all_);
            closed_ = true;
        }
    }

    void print(const pcapng::Packet& packet) {
        const std::string interface = packet.interface_id < interfaces_.size()
                                          ? interfaces_[packet.interface_id]
                                          : std::string{};
        const json object = packet_json(packet, interface);
        output_ += as_json_ ? object.dump(-1, ' ', true, json::error_handler_t::replace)
                            : packet_line(object);
        output_ += '\n';
    }

    void receive() {
        std::array<char, kReadLen> buffer;
        const ssize_t len = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (len > 0) {
            feed({buffer.data(), static_cast<std::size_t>(len)});
        } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
            ended_ = true;
        }
    }

    void transmit() {
        const std::size_t len = is_file_ ? pending() : std::min(pending(), kPipeWriteLen);
        const ssize_t written = write(out_fd_, output_.data() + sent_, len);
        if (written < 0) {
            if (errno == EPIPE) {
                reader_gone_ = true;
            } else if (errno != EAGAIN && errno != EINTR) {
                error_ = system_error(errno, "write the capture").message;
            }
            return;
        }
        sent_ += static_cast<std::size_t>(written);
        if (pending() == 0) {
            output_.clear();
            sent_ = 0;
        }
    }

    // The first signal asks for the end of the file, the second one does not wait for it.
    void take_signal(int signal_fd) {
        signalfd_siginfo info{};
        static_cast<void>(!read(signal_fd, &info, sizeof info));
        ++stops_;
        stopped_ = true;
        deadline_ = Clock::now() + kPatience;
        static_cast<void>(shutdown(socket_, SHUT_WR));
    }

    int socket_;
    int out_fd_;
    bool raw_;
    bool as_json_;
    bool is_file_ = false;
    std::vector<std::byte> input_;
    std::string output_;
    std::size_t sent_ = 0;  // of output_
    std::vector<std::string> interfaces_;
    std::uint64_t packets_ = 0;
    std::uint64_t missed_ = 0;
    std::uint64_t missed_in_all_ = 0;
    bool closed_ = false;       // the file has its end
    bool ended_ = false;        // the server says no more
    bool reader_gone_ = false;  // of our output
    bool stopped_ = false;
    int stops_ = 0;
    Clock::time_point deadline_;
    std::string error_;
};

[[nodiscard]] int open_output(const std::string& file) {
    if (file == "-" || file.empty()) {
        return STDOUT_FILENO;
    }
    return open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

// SIGINT and SIGTERM are read from a file descriptor; a pipe without reader is an error of write().
[[nodiscard]] int open_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    static_cast<void>(signal(SIGPIPE, SIG_IGN));
    return signalfd(-1, &set, SFD_CLOEXEC);
}

}  // namespace

std::optional<std::uint64_t> parse_duration(std::string_view text) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kUnits{
        {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    constexpr std::uint64_t kMost = 1'000'000'000;
    for (const auto& [name, ms] : kUnits) {
        if (error == std::errc{} && unit == name && count > 0 && count <= kMost) {
            return count * ms;
        }
    }
    return std::nullopt;
}

std::optional<json> capture_request(const CaptureArguments& arguments) {
    json request = {{"command", "capture"}, {"dropped", arguments.dropped}};
    if (!arguments.interface.empty()) {
        request["interface"] = arguments.interface;
    }
    if (!arguments.hw_address.empty()) {
        request["hw_address"] = arguments.hw_address;
    }
    if (arguments.snaplen != 0) {
        request["snaplen"] = arguments.snaplen;
    }
    if (arguments.count != 0) {
        request["count"] = arguments.count;
    }
    if (!arguments.duration.empty()) {
        const auto duration = parse_duration(arguments.duration);
        if (!duration) {
            return std::nullopt;
        }
        request["duration_ms"] = *duration;
    }
    return request;
}

int run_capture(Client& client, const CaptureArguments& arguments) {
    const auto request = capture_request(arguments);
    if (!request) {
        std::cerr << "xdhcpctl: --duration wants a time such as 10s or 5m, got '"
                  << arguments.duration << "'\n";
        return kUsage;
    }
    if (arguments.file == "-" && isatty(STDOUT_FILENO) == 1) {
        std::cerr << "xdhcpctl: a capture file is nothing for a terminal; give it to tcpdump -r -, "
                     "or leave -w away to see the packets\n";
        return kUsage;
    }
    // Before the server is asked, so that nothing begins in vain.
    const int out = open_output(arguments.file);
    if (out < 0) {
        std::cerr << "xdhcpctl: " << system_error(errno, "cannot write " + arguments.file).message
                  << '\n';
        return kFailed;
    }
    const int signals = open_signals();
    auto answer = client.ask(*request);
    if (!answer) {
        std::cerr << "xdhcpctl: " << answer.error().message << '\n';
        return kFailed;
    }
    if (!answer->value("ok", false)) {
        if (arguments.as_json) {
            std::cout << answer->dump(2, ' ', true, json::error_handler_t::replace) << '\n';
        } else {
            std::cerr << error_text(*answer);
        }
        return kFailed;
    }
    if (out != STDOUT_FILENO) {
        static_cast<void>(!ftruncate(out, 0));  // a pipe or device has no length
    }
    Session session{client.fd(), out, !arguments.file.empty(), arguments.as_json};
    session.feed(client.take_received());
    return session.run(signals);
}

}  // namespace xdhcpd::xdhcpctl
