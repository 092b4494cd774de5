#include "metrics/http_request.h"

namespace xdhcpd::metrics {
namespace {

[[nodiscard]] std::string_view reason_of(int status) noexcept {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 431:
            return "Request Header Fields Too Large";
        case 503:
            return "Service Unavailable";
        default:
            return "Internal Server Error";
    }
}

}  // namespace

// RFC 9112 section 2.2: a recipient may take a lone LF for the end of a line.
std::optional<std::size_t> head_end(std::string_view text) noexcept {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
        if (text.substr(at + 1, 1) == "\n") {
            return at + 2;
        }
        if (text.substr(at + 1, 2) == "\r\n") {
            return at + 3;
        }
    }
    return std::nullopt;
}

std::optional<HttpRequest> parse_request(std::string_view head) noexcept {
    std::string_view line = head.substr(0, head.find('\n'));
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos || first == 0 ||
        !line.substr(second + 1).starts_with("HTTP/1.")) {
        return std::nullopt;
    }
    HttpRequest request;
    const std::string_view method = line.substr(0, first);
    if (method == "GET") {
        request.method = HttpRequest::Method::kGet;
    } else if (method == "HEAD") {
        request.method = HttpRequest::Method::kHead;
    }
    const std::string_view target = line.substr(first + 1, second - first - 1);
    request.path = target.substr(0, target.find('?'));
    return request;
}

std::string format_response(int status, std::string_view content_type, std::string_view body,
                            HttpRequest::Method method) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
    text += reason_of(status);
    text += "\r\nContent-Type: ";
    text += content_type;
    text += "\r\nContent-Length: " + std::to_string(body.size());
    if (status == 405) {
        text += "\r\nAllow: GET, HEAD";
    }
    text += "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
    if (method != HttpRequest::Method::kHead) {
        text += body;
    }
    return text;
}

}  // namespace xdhcpd::metrics
