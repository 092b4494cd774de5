// Client: a DHCP client that mostly behaves: it has a lease, or tries to get one, forgets, moves,
// changes its name, sends again. What it sends is random, what it believes follows from the replies
// that reach it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.h"
#include "sim/message.h"
#include "sim/network.h"

namespace xdhcpd::sim {

class Client {
  public:
    // `is_reserved`: known by its hardware address, and changes its client identifier as it likes.
    Client(int id, int home, bool is_reserved, Random& random);

    [[nodiscard]] int id() const noexcept { return id_; }
    [[nodiscard]] int home() const noexcept { return home_; }

    // What it does next.
    [[nodiscard]] Sent act(Random& random, Nanoseconds now);
    void receive(const Answer& answer);

    // Without any state: a DISCOVER, the REQUEST that takes an offer, and one that asks for the
    // lease which it has, after a reboot or as a renewal.
    [[nodiscard]] Sent discover(int link, Random& random, Nanoseconds now);
    [[nodiscard]] Sent select(int link, Ipv4 address, Random& random, Nanoseconds now);
    [[nodiscard]] Sent ask_again(int link, Ipv4 address, Random& random, Nanoseconds now);
    // As an operator's lease file would name it: option 61, or nothing.
    [[nodiscard]] const testing::Bytes& client_id() const noexcept { return client_ids_[0]; }

  private:
    struct Form {
        Ipv4 ciaddr{};
        Ipv4 requested{};
        Ipv4 server{};
        bool unicast = false;
    };
    [[nodiscard]] Sent make(dhcp4::MessageType type, int link, const Form& form, Random& random,
                            Nanoseconds now);
    [[nodiscard]] Sent act_bound(Random& random, Nanoseconds now);
    [[nodiscard]] static Ipv4 server_of(int link);

    int id_;
    int home_;
    std::vector<testing::Bytes> client_ids_;  // an empty one: without option 61
    testing::Bytes hostname_;
    bool is_constant_xid_;
    std::uint32_t sequence_ = 0;

    int link_;
    Ipv4 offered_;
    Ipv4 bound_;
    Nanoseconds end_ = 0;  // of the lease of bound_
    std::optional<Sent> last_;
};

}  // namespace xdhcpd::sim
