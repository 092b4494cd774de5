// Ledger: what clients were promised, by what left the server, and what they have given up, by what
// they sent. Knows nothing of the server's inside and says what breaks the two rules:
//
//   1. no acknowledged lease is forgotten: whoever asks again inside the lease time keeps it
//   2. no unit is held twice: nobody else is offered or given an address before that time ends
//
// Time is true time, and a lease runs from the moment that its ACK left the server, for the longest
// time that any of them told: the last one may have been lost.
//
// A client gives a lease up when the server hears its RELEASE, its DECLINE, a REQUEST for another
// address of the same link (one address per client and link), or, once the operator has closed the
// address to it, any DISCOVER or REQUEST. The operator takes it away by a delete, or
// by an import that moves the client.
// From the instant when the server may have heard it, what the disk remembers does not matter: a
// RELEASE whose record a crash loses leaves the address busy, which breaks no promise.
//
// What is of DHCPv6 is kept by Ledger6.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/addresses.h"
#include "sim/ledger6.h"
#include "sim/message.h"
#include "sim/network.h"

namespace xdhcpd::sim {

class Ledger {
  public:
    struct Claim {
        int client = 0;
        int link = 0;
        Ipv4 address;
        Nanoseconds end = 0;
    };

    // A message is decided; in the order in which the server does so.
    [[nodiscard]] Heard hear(Sent message, const Network& network, Nanoseconds now);
    // Then what leaves the server. `heard`: what it may answer, and what was decided in the same
    // step of that worker. Throws Violation.
    void leave(const Answer& answer, std::span<const Heard> heard, const Network& network,
               Nanoseconds now);
    // Whether the server may end this lease because of this message.
    [[nodiscard]] static bool ends(const Sent& message, int client, int link, Ipv4 address,
                                   const Network& network);

    // Whether it ends any lease that this answer of DHCPv6 tells.
    [[nodiscard]] static bool ends_any(const Sent& message, const Answer& answer);

    void erase(Ipv4 address);
    void erase(const Ipv6Prefix& name) { v6_.erase(name); }
    // The client has this address now, and none else of the link; not for less time than before.
    void import(int client, Ipv4 address);

    // What the client must be given if it asks for it now.
    [[nodiscard]] std::optional<Claim> claim(int client, int link, Nanoseconds now) const;
    [[nodiscard]] std::vector<Claim> claims(Nanoseconds now) const;
    [[nodiscard]] const Ledger6& v6() const noexcept { return v6_; }
    // Whether this message must be answered, and with an ACK, if it is answered at all.
    [[nodiscard]] bool must_have(const Sent& message, const Network& network,
                                 Nanoseconds now) const;

  private:
    struct Entry {
        std::optional<Claim> claim;  // the last
    };
    using Key = std::pair<int, int>;  // client, link

    void offer(const Answer& answer, const Network& network, Nanoseconds now);
    void acknowledge(const Answer& answer, std::span<const Heard> heard, const Network& network,
                     Nanoseconds now);
    static void refuse(const Answer& answer, std::span<const Heard> heard);
    void check_nobody_else(const Answer& answer, Nanoseconds now) const;
    [[nodiscard]] static bool is_reserved(const Network& network, int client);

    std::map<Key, Entry> entries_;
    Ledger6 v6_;
};

}  // namespace xdhcpd::sim
