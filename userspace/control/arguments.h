// Arguments of a request, checked, and the answers of commands. Pure; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace xdhcpd::control {

// An answer, or why there is none.
using Answer = Result<nlohmann::json, std::string>;

// An argument of a request that may be missing.
template <typename T>
using Argument = Result<std::optional<T>, std::string>;

[[nodiscard]] Argument<std::string> text_argument(const nlohmann::json& request, const char* name);

// A number above 0.
[[nodiscard]] Argument<std::uint64_t> count_argument(const nlohmann::json& request,
                                                     const char* name);

// True or false; false if it is missing.
[[nodiscard]] Result<bool, std::string> flag_argument(const nlohmann::json& request,
                                                      const char* name);

// An argument that `parse` understands; `meant` says what that is.
template <typename Parse>
[[nodiscard]] auto parsed_argument(const nlohmann::json& request, const char* name,
                                   const Parse& parse, std::string_view meant)
    -> Argument<typename decltype(parse(std::string_view{}))::value_type> {
    auto text = text_argument(request, name);
    if (!text) {
        return Unexpected{text.error()};
    }
    if (!*text) {
        return {std::nullopt};
    }
    auto value = parse(**text);
    if (!value) {
        return Unexpected{std::string{name} + " wants " + std::string{meant} + ", got '" + **text +
                          "'"};
    }
    return value;
}

}  // namespace xdhcpd::control
