// XD_ASSERT: our own bugs, on in release builds, because stopping beats a wrong lease.
// No input, however hostile, may reach one.
#pragma once

namespace xdhcpd {

// Prints the failed expression with its place to stderr and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace xdhcpd

#define XD_ASSERT(expression)                              \
    (__builtin_expect(static_cast<bool>(expression), true) \
         ? static_cast<void>(0)                            \
         : ::xdhcpd::assertion_failed(#expression, __FILE__, __LINE__))
