// An IPv6 engine on a pipe, for test_engine6.py: "frame HEX" sends a frame and gets the reply's, or
// why there is none; "pass SECONDS" lets time go by.
#include <cstdlib>
#include <iostream>
#include <string>

#include "support/engine6_harness.h"

namespace {

using namespace xdhcpd;           // NOLINT(google-build-using-namespace): a program is one file
using namespace xdhcpd::testing;  // NOLINT(google-build-using-namespace)

// What test_engine6.py expects.
model::Configuration configuration() {
    auto result = small_configuration6();
    result.dhcp6.preference = 7;
    result.dhcp6.options = {
        option_value6(23, join({address6("2001:db8::53"), address6("2001:db8::54")})),
        option_value6(24, bytes({7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0}))};
    result.dhcp6.subnets[0].rapid_commit = true;
    return result;
}

Bytes from_hex(const std::string& text) {
    Bytes result;
    for (std::size_t i = 0; i + 2 <= text.size(); i += 2) {
        result.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
    return result;
}

}  // namespace

int main() {
    Engine6 engine{configuration()};
    std::string command;
    std::string argument;
    while (std::cin >> command >> argument) {
        if (command == "pass") {
            engine.pass(static_cast<std::uint32_t>(std::stoul(argument)));
            std::cout << "ok" << std::endl;
            continue;
        }
        const auto outcome = engine.send_frame(from_hex(argument));
        std::cout << (outcome.reply ? to_hex(outcome.reply->bytes, '\0') : outcome.why())
                  << std::endl;
    }
    return 0;
}
