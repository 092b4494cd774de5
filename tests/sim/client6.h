// Client6: a DHCPv6 client with one to three IAs, of addresses, of prefixes or of both, about which
// it mostly asks in one message. It is on the direct link. What it sends is random, what it
// believes follows from the replies that reach it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.h"
#include "sim/message.h"
#include "sim/network.h"

namespace xdhcpd::sim {

class Client6 {
  public:
    // Identifiers of clients from here on are of DHCPv6; at most 256 of them.
    static constexpr int kFirstId = 1024;

    Client6(int id, Random& random);

    [[nodiscard]] int id() const noexcept { return id_; }
    [[nodiscard]] std::size_t count(dhcp6::OptionCode code) const;
    [[nodiscard]] std::size_t ia_count() const noexcept { return ias_.size(); }

    // What it does next.
    [[nodiscard]] Sent act(Random& random, Nanoseconds now);
    void receive(const Answer& answer);

    // Without any state: a SOLICIT for all IAs, the REQUEST that takes what was advertised, and a
    // RENEW or REBIND of these leases.
    [[nodiscard]] Sent solicit(Random& random, Nanoseconds now);
    [[nodiscard]] Sent select(const Answer& advertised, Nanoseconds now);
    [[nodiscard]] Sent ask_again(const std::vector<Sent6::Part>& parts, Random& random,
                                 Nanoseconds now);

  private:
    struct State {
        Ia6 ia;
        std::optional<Ipv6Prefix> offered;
        std::optional<Ipv6Prefix> bound;
        Nanoseconds end = 0;  // of the lease of `bound`
    };

    struct Extra {
        bool rapid_commit = false;
        bool other_server = false;  // it names one, where it must name one
    };
    [[nodiscard]] Sent make(Sent6 message, Nanoseconds now, Extra extra);
    [[nodiscard]] Sent act_bound(Random& random, Nanoseconds now);
    [[nodiscard]] Sent give_up(dhcp6::MessageType type, Random& random, Nanoseconds now);
    [[nodiscard]] bool has_bound() const;

    int id_;
    std::uint32_t sequence_ = 0;
    std::vector<State> ias_;
    std::optional<Sent> last_;
};

}  // namespace xdhcpd::sim
