// Answers to Neighbor Solicitations for configured targets (RFC 4861 section 7.2.4, 7.2.8). Pure.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "engine/v6/request.h"

namespace xdhcpd::engine::v6 {

// Writes the whole frame of the Neighbor Advertisement to `out` (kMinTxFrameLen bytes at least) and
// returns its length. Precondition: request.proxy() is not null.
[[nodiscard]] std::uint32_t answer_neighbor(const Request& request, MutableBytes out) noexcept;

}  // namespace xdhcpd::engine::v6
