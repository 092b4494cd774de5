// The head of an HTTP request, as far as a server of two small pages has to understand it (RFC
// 9112). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xdhcpd::metrics {

struct HttpRequest {
    enum class Method : std::uint8_t { kGet, kHead, kOther };

    Method method = Method::kOther;
    std::string_view path;  // into the text, without query
};

// Where the head ends (behind its empty line), or nothing as long as that has not come.
[[nodiscard]] std::optional<std::size_t> head_end(std::string_view text) noexcept;

// Reads the request line; nothing if it is none of HTTP/1. The fields of the head do not matter to
// us.
[[nodiscard]] std::optional<HttpRequest> parse_request(std::string_view head) noexcept;

// A whole answer. `status`: 200, 400, 404, 405, 408, 431, 500 or 503. Without body for HEAD, but
// with its length.
[[nodiscard]] std::string format_response(int status, std::string_view content_type,
                                          std::string_view body, HttpRequest::Method method);

}  // namespace xdhcpd::metrics
