// The actions "export" and "import" of the command "leases": leases as lease files have them, in
// pages, while the server serves. Control thread.
#pragma once

#include <nlohmann/json.hpp>

#include "control/arguments.h"
#include "control/lease_query.h"
#include "control/server_state.h"
#include "lease_files/entry.h"

namespace xdhcpd::control {

// Leases and declined addresses in one answer, or in one request.
inline constexpr std::size_t kMaxTransfer = 4096;

// {"subnet": PREFIX, "after": CURSOR, "limit": NUMBER} -> {"leases": [ENTRY, ...], "next": CURSOR},
// without "next" at the end. An entry is an object as lease_files/json.h has it.
[[nodiscard]] Answer export_leases(const ServerState& state, const nlohmann::json& request);

// {"leases": [ENTRY, ...], "dry_run": BOOL} -> {"outcomes": [NAME, ...], "reasons": {NAME: TEXT}}:
// what became of each entry in turn, and what those names mean that occur.
[[nodiscard]] Answer import_leases(ServerState& state, const nlohmann::json& request);

// A held unit, kLeased or kDeclined, as an entry. `boot_epoch`: Unix seconds at the start of the
// boot clock.
[[nodiscard]] lease_files::Entry entry_of(const NamedSpace& space, const HeldLease& lease,
                                          std::int64_t boot_epoch);

}  // namespace xdhcpd::control
