// IaPlan: what becomes of one IA of a message: which unit it gets, and what the reply says of it.
// Made and filled by the decision, read by the reply writer; nothing of it is done yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/addresses.h"
#include "base/inline_vector.h"
#include "dhcp6/option_list.h"
#include "dhcp6/options.h"
#include "engine/v6/request.h"
#include "lease/unit.h"
#include "model/snapshot6.h"

namespace xdhcpd::engine::v6 {

// Units of one IA, at most; more than one only after a reload has joined links.
inline constexpr std::size_t kMaxUnitsPerIa = 8;

// Which of the leases that the client listed are told to be over (lifetimes of zero).
enum class EndListed : std::uint8_t {
    kNone,
    kInappropriate,  // those that do not belong to the link
    kElsewhere,      // those that belong to another link
    kOthers,         // all but the lease
};

struct IaPlan {
    IaPlan(Association which, std::uint32_t id, dhcp6::OptionList listed_options) noexcept
        : association{which}, iaid{id}, listed{listed_options} {}

    Association association;
    std::uint32_t iaid;
    dhcp6::OptionList listed;  // of the client's IA
    AssociationTenant tenant_bytes;
    const lease::Tenant* tenant = nullptr;
    const model::Reservation6* reservation = nullptr;
    // What it holds when the message came.
    lease::Unit held = lease::kNoUnit;

    // What it is to have; kNoUnit: nothing.
    lease::Unit unit = lease::kNoUnit;
    Ipv6Prefix what;
    model::Lifetimes lifetimes{};
    std::optional<Ipv6Prefix> excluded;  // of a prefix (RFC 6603)
    bool is_again = false;               // the client's message is a retransmission
    bool is_new = false;                 // it was not leased before
    bool must_write = false;
    BootSeconds expiry{};

    bool is_silent = false;  // the reply says nothing of it
    std::optional<dhcp6::StatusCode> status;
    EndListed end_listed = EndListed::kNone;
    InlineVector<lease::Unit, kMaxUnitsPerIa> others;  // that it holds and is to lose
};

}  // namespace xdhcpd::engine::v6
