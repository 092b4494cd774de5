#include "base/error.h"

#include <system_error>
#include <utility>

namespace xdhcpd {

Error system_error(int errno_value, std::string what) {
    return Error{errno_value,
                 std::move(what) + ": " + std::generic_category().message(errno_value)};
}

}  // namespace xdhcpd
