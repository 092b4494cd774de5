#include "daemon/disk_clock.h"

#include <fcntl.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace xdhcpd::daemon {
namespace {

constexpr std::string_view kHeading = "xdhcpd clock 1\n";
constexpr std::int64_t kTolerance = 60;  // seconds that no lease is about
// No clock is wrong by more, and sums of it cannot overflow; about 8,700 years.
constexpr std::int64_t kMaxDifference = std::int64_t{1} << 38;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

[[nodiscard]] std::int64_t seconds_of(clockid_t clock) noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(clock, &time));
    return time.tv_sec;
}

[[nodiscard]] std::uint64_t nanoseconds_of(clockid_t clock) noexcept {
    timespec time{};
    static_cast<void>(clock_gettime(clock, &time));
    return static_cast<std::uint64_t>(time.tv_sec) * kNsPerSecond +
           static_cast<std::uint64_t>(time.tv_nsec);
}

class Descriptor {
  public:
    explicit Descriptor(int fd) noexcept : fd_{fd} {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

}  // namespace

Result<Success, Error> DiskClock::open(const std::string& directory) {
    path_ = directory + "/clock";
    const Descriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0) {
        if (errno == ENOENT) {
            return Success{};
        }
        return Unexpected{system_error(errno, path_)};
    }
    std::array<char, 64> buffer{};
    const ssize_t len = read(file.get(), buffer.data(), buffer.size());
    if (len < 0) {
        return Unexpected{system_error(errno, path_)};
    }
    std::string_view text{buffer.data(), static_cast<std::size_t>(len)};
    const bool has_heading = text.starts_with(kHeading);
    text.remove_prefix(has_heading ? kHeading.size() : 0);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), difference_);
    if (!has_heading || parsed.ec != std::errc{} ||
        std::string_view{parsed.ptr, text.data() + text.size()} != "\n" ||
        difference_ > kMaxDifference || difference_ < -kMaxDifference) {
        return Unexpected{Error{0, path_ + " is damaged: remove it if the clock is right"}};
    }
    return Success{};
}

void DiskClock::settle(std::uint64_t stamp) {
    const std::int64_t uptime = seconds_of(CLOCK_BOOTTIME);
    const std::int64_t now = std::max({seconds_of(CLOCK_REALTIME) - difference_,
                                       static_cast<std::int64_t>(stamp / kNsPerSecond), uptime});
    epoch_.store(static_cast<std::uint64_t>(now - uptime), std::memory_order_relaxed);
}

std::uint64_t DiskClock::now_ns() const noexcept {
    return epoch_.load(std::memory_order_relaxed) * kNsPerSecond + nanoseconds_of(CLOCK_BOOTTIME);
}

bool DiskClock::is_synchronised() noexcept {
    timex state{};
    const int answer = adjtimex(&state);
    return answer >= 0 && answer != TIME_ERROR;
}

Result<bool, Error> DiskClock::tick() {
    const std::int64_t difference = seconds_of(CLOCK_REALTIME) -
                                    static_cast<std::int64_t>(epoch_.load()) -
                                    seconds_of(CLOCK_BOOTTIME);
    if (std::abs(difference - difference_) <= kTolerance) {
        return false;
    }
    if (auto written = write(difference); !written) {
        return Unexpected{written.error()};
    }
    difference_ = difference;
    return true;
}

// A crash leaves the old file or the new one.
Result<Success, Error> DiskClock::write(std::int64_t difference) const {
    const std::string text = std::string{kHeading} + std::to_string(difference) + "\n";
    const std::string fresh = path_ + ".new";
    {
        const Descriptor file{
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
        if (file.get() < 0 ||
            ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
            fdatasync(file.get()) != 0) {
            return Unexpected{system_error(errno, fresh)};
        }
    }
    const Descriptor directory{
        ::open(path_.substr(0, path_.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (rename(fresh.c_str(), path_.c_str()) != 0 || directory.get() < 0 ||
        fsync(directory.get()) != 0) {
        return Unexpected{system_error(errno, path_)};
    }
    return Success{};
}

}  // namespace xdhcpd::daemon
