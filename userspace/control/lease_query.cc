#include "control/lease_query.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include "engine/decide.h"
#include "engine/request.h"
#include "engine/v6/known_client.h"
#include "lease/store.h"
#include "model/configuration.h"

namespace xdhcpd::control {
namespace {

using engine::ClientKey;

[[nodiscard]] std::vector<std::byte> copy(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) {
        return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [&](char x, char y) { return lower(x) == lower(y); });
}

[[nodiscard]] bool passes(const lease::Shard& shard, lease::Unit unit, const lease::Record& record,
                          const LeaseFilter& filter) {
    if (filter.mac && (record.hw_len != Mac::kLen || record.mac != *filter.mac)) {
        return false;
    }
    if (filter.client_id && !equal_bytes(client_id_in(shard.identity(unit)), *filter.client_id)) {
        return false;
    }
    return !filter.hostname || equal_ignoring_case(as_text(shard.hostname(unit)), *filter.hostname);
}

// Appends to `leases` until there are `limit`; false if it stopped before the end of the space.
[[nodiscard]] bool collect_from(worker::Worker& worker, lease::SpaceId space, std::uint32_t from,
                                std::size_t limit, const LeaseFilter& filter, std::size_t slice_len,
                                std::vector<HeldLease>& leases) {
    const std::size_t wanted = leases.size() + limit;
    std::vector<HeldLease> slice;
    while (from != lease::Shard::kWalkEnd && leases.size() < wanted) {
        slice.clear();
        slice.reserve(slice_len);  // here, so that the worker need not
        worker.call([&] {
            const lease::Shard& shard = worker.shard();
            from = shard.walk(space, from, slice_len,
                              [&](lease::Unit unit, const lease::Record& record) {
                                  if (passes(shard, unit, record, filter)) {
                                      slice.push_back(copy_lease(shard, unit));
                                  }
                              });
        });
        std::move(slice.begin(), slice.end(), std::back_inserter(leases));
    }
    return from == lease::Shard::kWalkEnd;
}

template <typename Use>
[[nodiscard]] std::optional<HeldLease> with_lease(const std::vector<worker::Worker*>& workers,
                                                  lease::SpaceId space, std::uint32_t index,
                                                  const Use& use) {
    std::optional<HeldLease> found;
    for (worker::Worker* const worker : workers) {
        worker->call([&] {
            lease::Shard& shard = worker->shard();
            const lease::Unit unit = shard.store().space(space).unit_at(index);
            if (shard.holds(unit)) {
                found = copy_lease(shard, unit);
                use(*worker, unit);
            }
        });
        if (found) {
            break;
        }
    }
    return found;
}

}  // namespace

std::string HeldLease::hw_address() const {
    return to_hex(mac.bytes().first(std::min<std::size_t>(hw_len, Mac::kLen)));
}

std::string HeldLease::name(const NamedSpace& space) const {
    if (!what6) {
        return to_string(space.address(index));
    }
    return what6->kind == lease::SpaceKind::kIpv6Prefix ? to_string(what6->prefix)
                                                        : to_string(what6->prefix.address);
}

ByteView client_id_in(ByteView identity) noexcept {
    constexpr auto kReservedClientId = static_cast<std::uint8_t>(
        ClientKey::kReserved + static_cast<std::uint8_t>(model::IdentifierKind::kClientId));
    if (identity.empty()) {
        return {};
    }
    if (engine::v6::is_v6_identity(identity)) {
        return engine::v6::describe_client(identity).duid;
    }
    const std::uint8_t kind = load_u8(identity.data());
    constexpr std::size_t kVlanLen = 4;
    if (kind == ClientKey::kVlanClientId) {
        return identity.subspan(1 + kVlanLen);
    }
    return kind == ClientKey::kClientId || kind == kReservedClientId ? identity.subspan(1)
                                                                     : ByteView{};
}

HeldLease copy_lease(const lease::Shard& shard, lease::Unit unit) {
    const lease::Record& record = shard.record(unit);
    HeldLease lease;
    const lease::Space& space = shard.store().space_of(unit);
    lease.index = space.index_of(unit);
    if (space.has_ipv6_names()) {
        const lease::Ipv6Names& names = space.ipv6_names();
        lease.what6 = {space.kind(), {names.at(lease.index), names.length()}};
    }
    lease.state = record.state;
    lease.expiry =
        record.state == lease::LeaseState::kLeased ? engine::client_expiry(record) : record.expiry;
    lease.started = record.started;
    lease.last_xid = record.last_xid;
    lease.mac = record.mac;
    lease.hw_len = record.hw_len;
    lease.hw_type = record.hw_type;
    lease.identity = copy(shard.identity(unit));
    lease.hostname = copy(shard.hostname(unit));
    lease.relay_information = copy(shard.relay_information(unit));
    return lease;
}

LeasePage collect_leases(const std::vector<worker::Worker*>& workers, lease::SpaceId space,
                         std::uint32_t from, std::size_t limit, const LeaseFilter& filter,
                         std::size_t slice_len) {
    LeasePage page;
    for (worker::Worker* const worker : workers) {
        page.complete &= collect_from(*worker, space, from, limit, filter, slice_len, page.leases);
    }
    std::sort(page.leases.begin(), page.leases.end(),
              [](const HeldLease& a, const HeldLease& b) { return a.index < b.index; });
    if (page.leases.size() > limit) {
        page.leases.resize(limit);
        page.complete = false;
    }
    return page;
}

Result<std::optional<HeldLease>, JournalFull> erase_lease(
    const std::vector<worker::Worker*>& workers, lease::SpaceId space, std::uint32_t index) {
    bool is_full = false;
    auto erased = with_lease(workers, space, index, [&](worker::Worker& worker, lease::Unit unit) {
        is_full = !worker.has_room_for_records();
        if (!is_full) {
            worker.shard().erase(unit);
        }
    });
    if (is_full) {
        return Unexpected{JournalFull{}};
    }
    return erased;
}

std::optional<HeldLease> find_lease(const std::vector<worker::Worker*>& workers,
                                    lease::SpaceId space, std::uint32_t index) {
    return with_lease(workers, space, index, [](worker::Worker&, lease::Unit) {});
}

}  // namespace xdhcpd::control
