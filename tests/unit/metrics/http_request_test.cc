#include "metrics/http_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xdhcpd::metrics {
namespace {

using Method = HttpRequest::Method;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(HeadEnd, IsBehindTheEmptyLine) {
    EXPECT_EQ(head_end("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), 27u);
    EXPECT_EQ(head_end("GET / HTTP/1.0\n\nrest"), 16u);
    EXPECT_EQ(head_end("GET / HTTP/1.1\r\nHost: a\r\n"), std::nullopt);
    EXPECT_EQ(head_end(""), std::nullopt);
}

TEST(ParseRequest, ReadsMethodAndPathWithoutQuery) {
    const auto get = parse_request("GET /metrics?x=1 HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(get);
    EXPECT_EQ(get->method, Method::kGet);
    EXPECT_EQ(get->path, "/metrics");
    EXPECT_EQ(parse_request("HEAD /healthz HTTP/1.0\n\n")->method, Method::kHead);
    EXPECT_EQ(parse_request("DELETE / HTTP/1.1\r\n\r\n")->method, Method::kOther);
}

TEST(ParseRequest, RefusesWhatIsNoHttp1) {
    for (const char* const head :
         {"", "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", " / HTTP/1.1\r\n\r\n",
          "GET / HTTP/2\r\n\r\n", "\x16\x03\x01\n\n"}) {
        EXPECT_FALSE(parse_request(head)) << head;
    }
}

TEST(FormatResponse, HasLengthAndClosesTheConnection) {
    const std::string text = format_response(200, "text/plain", "ok\n", Method::kGet);
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(text, HasSubstr("\r\nContent-Length: 3\r\n"));
    EXPECT_THAT(text, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(text, EndsWith("\r\n\r\nok\n"));
}

TEST(FormatResponse, HasNoBodyForHeadButItsLength) {
    const std::string text = format_response(200, "text/plain", "ok\n", Method::kHead);
    EXPECT_THAT(text, HasSubstr("\r\nContent-Length: 3\r\n"));
    EXPECT_THAT(text, EndsWith("\r\n\r\n"));
}

}  // namespace
}  // namespace xdhcpd::metrics
