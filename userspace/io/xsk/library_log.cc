#include "io/xsk/library_log.h"

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

namespace xdhcpd {
namespace {

constexpr std::size_t kMaxLineLen = 512;

thread_local LibraryLog* active_log = nullptr;

__attribute__((format(printf, 1, 0))) void keep(const char* format, std::va_list args) {
    if (active_log == nullptr) {
        return;
    }
    std::array<char, kMaxLineLen> line{};
    static_cast<void>(std::vsnprintf(line.data(), line.size(), format, args));
    std::string text{line.data()};
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (!text.empty()) {
        active_log->keep(std::move(text));
    }
}
__attribute__((format(printf, 2, 0))) int print_libbpf(libbpf_print_level level, const char* format,
                                                       std::va_list args) {
    if (level == LIBBPF_WARN) {
        keep(format, args);
    }
    return 0;
}
__attribute__((format(printf, 2, 0))) int print_libxdp(libxdp_print_level level, const char* format,
                                                       std::va_list args) {
    if (level == LIBXDP_WARN) {
        keep(format, args);
    }
    return 0;
}

}  // namespace

LibraryLog::LibraryLog() {
    static const bool installed = [] {
        static_cast<void>(libbpf_set_print(&print_libbpf));
        static_cast<void>(libxdp_set_print(&print_libxdp));
        return true;
    }();
    static_cast<void>(installed);
    active_log = this;
}

LibraryLog::~LibraryLog() {
    active_log = nullptr;
}

}  // namespace xdhcpd
