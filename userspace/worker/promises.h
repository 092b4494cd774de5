// What the decisions of both families have in common, under one name: the units that a reply
// promises, and how it may leave. Pure.
#pragma once

#include <cstddef>

#include "engine/decide.h"
#include "engine/message_type.h"
#include "engine/request.h"
#include "engine/v6/decide.h"
#include "engine/v6/request.h"

namespace xdhcpd::worker {

[[nodiscard]] inline engine::MessageType type_of(const engine::Request& request) noexcept {
    return request.message().type();
}
[[nodiscard]] inline engine::MessageType type_of(const engine::v6::Request& request) noexcept {
    return request.type();
}

// Units that the reply to a request may promise at most.
[[nodiscard]] constexpr std::size_t max_promises(const engine::Request& /*request*/) noexcept {
    return 1;
}
[[nodiscard]] constexpr std::size_t max_promises(const engine::v6::Request& /*request*/) noexcept {
    return engine::v6::kMaxUnitsPerMessage;
}

// Those of a decision.
[[nodiscard]] inline std::size_t promise_count(const engine::Decision& decision) noexcept {
    return decision.promised ? 1 : 0;
}
[[nodiscard]] inline std::size_t promise_count(const engine::v6::Decision& decision) noexcept {
    return decision.promised_count;
}
// Calls visit(lease::Unit, bool must_write) for each.
template <typename Visit>
void visit_promises(const engine::Decision& decision, Visit&& visit) {
    if (decision.promised) {
        visit(*decision.promised, decision.must_write);
    }
}
template <typename Visit>
void visit_promises(const engine::v6::Decision& decision, Visit&& visit) {
    for (const engine::v6::Promise& promise : decision.promises()) {
        visit(promise.unit, promise.must_write);
    }
}

// Whether a reply may leave by the kernel's routing.
[[nodiscard]] inline bool may_be_routed(const engine::Request& request) noexcept {
    return request.may_be_routed();
}
[[nodiscard]] inline bool may_be_routed(const engine::v6::Request& request) noexcept {
    return request.relayed();
}

// See TxInfo. Every client of DHCPv6 has an address.
[[nodiscard]] inline bool has_unconfigured_destination(const engine::Decision& decision) noexcept {
    return decision.unconfigured_destination;
}
[[nodiscard]] constexpr bool has_unconfigured_destination(
    const engine::v6::Decision& /*decision*/) noexcept {
    return false;
}

}  // namespace xdhcpd::worker
