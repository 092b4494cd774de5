// Ledger6: the rules of ledger.h for IAs: a claim is of one IA, to an address or to a prefix, and a
// message about several is owed all of them in one reply. A client gives a lease up when the server
// hears its RELEASE or its DECLINE of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "sim/message.h"

namespace xdhcpd::sim {

class Ledger6 {
  public:
    struct Claim {
        int client = 0;
        Ia6 ia;
        Ipv6Prefix name;
        Nanoseconds end = 0;
    };

    // A message is decided. Returns whether it must be answered if it can be.
    [[nodiscard]] bool hear(const Sent& message, Nanoseconds now);
    // What leaves the server; `heard` as in Ledger::leave(). Throws Violation.
    void leave(const Answer& answer, std::span<const Heard> heard, Nanoseconds now);
    // Whether the server ends this lease because of this message.
    [[nodiscard]] static bool ends(const Sent& message, int client, const Ia6& ia,
                                   const Ipv6Prefix& name);
    void erase(const Ipv6Prefix& name);

    [[nodiscard]] std::optional<Claim> claim(int client, const Ia6& ia, Nanoseconds now) const;
    [[nodiscard]] std::vector<Claim> claims(Nanoseconds now) const;

  private:
    using Key = std::pair<int, Ia6>;
    // A message, by client and transaction, and each copy of it.
    struct Asked {
        dhcp6::MessageType type{};
        std::set<Ia6> owed;  // whenever one was decided
    };

    void advertise(const Answer& answer, Nanoseconds now) const;
    void acknowledge(const Answer& answer, const Answer6::Part& part, std::span<const Heard> heard,
                     Nanoseconds now);
    void check_nobody_else(const Answer& answer, const Answer6::Part& part, Nanoseconds now) const;

    std::map<Key, Claim> claims_;  // the last of each IA
    std::map<std::pair<int, std::uint32_t>, Asked> asked_;
};

}  // namespace xdhcpd::sim
