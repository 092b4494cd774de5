#include "tools/xdhcpctl/request.h"

#include <gtest/gtest.h>

namespace xdhcpd::xdhcpctl {
namespace {

[[nodiscard]] std::string kind_of(const std::string& what) {
    const nlohmann::json request = find_request(what);
    EXPECT_EQ(request["command"], "leases");
    EXPECT_EQ(request["action"], "find");
    EXPECT_EQ(request.size(), 3u);
    for (const char* const key : {"address", "hw_address", "client_id", "hostname"}) {
        if (request.contains(key)) {
            EXPECT_EQ(request[key], what);
            return key;
        }
    }
    return {};
}

TEST(FindRequest, TellsWhatIsLookedFor) {
    EXPECT_EQ(kind_of("192.0.2.1"), "address");
    EXPECT_EQ(kind_of("2001:db8::1"), "address");
    EXPECT_EQ(kind_of("2001:db8:0:1:2:3:4:5"), "address");
    EXPECT_EQ(kind_of("2001:db8:8000:100::/56"), "address");
    EXPECT_EQ(kind_of("00:03:00:01:02:00:5e:00:53:01"), "client_id");
    EXPECT_EQ(kind_of("01:02:03:04:05:06:07:08"), "client_id");
    EXPECT_EQ(kind_of("02:00:5e:00:53:01"), "hw_address");
    EXPECT_EQ(kind_of("02-00-5E-00-53-01"), "hw_address");
    EXPECT_EQ(kind_of("01:02:00:5e:00:53:01"), "client_id");
    EXPECT_EQ(kind_of("0x0102"), "client_id");
    EXPECT_EQ(kind_of("ab:cd"), "client_id");
    for (const char* const name : {"printer", "beef", "0x1", "ab", "192.0.2", "a:b", "ab:c", ""}) {
        EXPECT_EQ(kind_of(name), "hostname") << name;
    }
}

}  // namespace
}  // namespace xdhcpd::xdhcpctl
