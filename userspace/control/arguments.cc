#include "control/arguments.h"

namespace xdhcpd::control {

using nlohmann::json;

Argument<std::string> text_argument(const json& request, const char* name) {
    const auto found = request.find(name);
    if (found == request.end() || found->is_null()) {
        return std::optional<std::string>{};
    }
    if (!found->is_string()) {
        return Unexpected{std::string{name} + " wants text"};
    }
    return std::optional{found->get<std::string>()};
}

Argument<std::uint64_t> count_argument(const json& request, const char* name) {
    const auto found = request.find(name);
    if (found == request.end() || found->is_null()) {
        return std::optional<std::uint64_t>{};
    }
    if (!found->is_number_integer() || *found <= 0) {
        return Unexpected{std::string{name} + " wants a number above 0"};
    }
    return std::optional{found->get<std::uint64_t>()};
}

Result<bool, std::string> flag_argument(const json& request, const char* name) {
    const auto found = request.find(name);
    if (found != request.end() && !found->is_boolean()) {
        return Unexpected{std::string{name} + " wants true or false"};
    }
    return found != request.end() && found->get<bool>();
}

}  // namespace xdhcpd::control
