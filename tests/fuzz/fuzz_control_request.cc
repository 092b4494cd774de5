// Requests of the control protocol, one per line, against a server with a few leases: whatever
// comes, there is an answer with "ok", it is text that a client can read, and the leases stay
// consistent.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "../unit/control/lab.h"

namespace {

using nlohmann::json;
using xdhcpd::control::Lab;

// What a long run gathers (log lines) must not grow for ever.
constexpr int kRunsPerLab = 5000;

std::unique_ptr<Lab> make_lab() {
    auto lab = std::make_unique<Lab>(2);
    for (std::uint32_t i = 0; i < 8; ++i) {
        lab->lease(xdhcpd::Ipv4{0xc000020a + i}, {i, "host\xff", i % 2 == 0 ? "" : "somebody"},
                   3600, i % 2);
    }
    lab->discover(100, xdhcpd::Ipv4{0xac100001});
    return lab;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static std::unique_ptr<Lab> lab;
    static int runs = 0;
    if (lab == nullptr || runs++ == kRunsPerLab) {
        lab.reset();
        lab = make_lab();
        runs = 0;
    }
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const json request = json::parse(line, nullptr, false);
        if (request.is_discarded()) {
            continue;
        }
        const json answer = lab->ask(request);
        XD_ASSERT(answer.is_object() && answer.at("ok").is_boolean());
        XD_ASSERT(answer["ok"].get<bool>() || !answer.at("error").get<std::string>().empty());
        XD_ASSERT(!answer.dump().empty());  // throws on what is not UTF-8
    }
    for (std::size_t i = 0; i < 2; ++i) {
        lab->worker(i).call([&] { XD_ASSERT(lab->worker(i).shard().check_invariants().empty()); });
    }
    if (lab->control().stopping()) {
        lab.reset();
    }
    return 0;
}
