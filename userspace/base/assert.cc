#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace xdhcpd {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
    static_cast<void>(
        std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression));
    std::abort();
}

}  // namespace xdhcpd
