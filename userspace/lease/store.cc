#include "lease/store.h"

#include <algorithm>
#include <utility>

namespace xdhcpd::lease {

namespace {
constexpr std::uint32_t chunks_for(std::uint32_t unit_count) noexcept {
    return (unit_count + kChunkUnits - 1) / kChunkUnits;
}
}  // namespace

Store::Store(std::uint32_t shard_count)
    : shard_count_{shard_count}, spaces_{kMaxSpaces}, chunks_{kMaxChunks} {
    XD_ASSERT(shard_count >= 1 && shard_count <= kMaxShards);
}

Store::~Store() {
    for (std::uint32_t id = 0; id < space_limit(); ++id) {
        delete load(spaces_[id]);
    }
}

bool Store::has_room(std::uint32_t unit_count) const noexcept {
    return unit_count >= 1 && unit_count <= kMaxSpaceUnits && find_id() != kNoSpace &&
           find_chunks(chunks_for(unit_count)) != 0;
}

Space& Store::add_space(SpaceKind kind, std::uint32_t unit_count, const SpaceName& name) {
    return publish_space(kind, unit_count, name, std::nullopt);
}

Space& Store::add_space6(SpaceKind kind, Ipv6Names names, std::uint32_t version_floor) {
    XD_ASSERT(kind != SpaceKind::kIpv4);
    const std::uint32_t unit_count = names.unit_count();
    return publish_space(kind, unit_count, {.first = {}, .version_floor = version_floor},
                         std::move(names));
}

Space& Store::publish_space(SpaceKind kind, std::uint32_t unit_count, const SpaceName& name,
                            std::optional<Ipv6Names> ipv6_names) {
    XD_ASSERT(has_room(unit_count));
    const SpaceId id = find_id();
    const std::uint32_t count = chunks_for(unit_count);
    const std::uint32_t first = find_chunks(count);
    auto space = std::make_unique<Space>(id, kind, unit_count, Unit{first << kChunkBits},
                                         shard_count_, name, std::move(ipv6_names));
    Space& added = *space;
    for (std::uint32_t chunk = first; chunk < first + count; ++chunk) {
        publish(chunks_[chunk], &added);
    }
    publish(spaces_[id.value], space.release());
    space_limit_.store(std::max(space_limit(), id.value + 1u), std::memory_order_release);
    return added;
}

std::unique_ptr<Space> Store::remove_space(SpaceId id) {
    std::unique_ptr<Space> removed{&space(id)};
    XD_ASSERT(removed->is_drained());
    publish(spaces_[id.value], nullptr);
    const std::uint32_t first = removed->unit_at(0).value >> kChunkBits;
    for (std::uint32_t chunk = first; chunk < first + chunks_for(removed->unit_count()); ++chunk) {
        publish(chunks_[chunk], nullptr);
    }
    return removed;
}

std::uint32_t Store::find_chunks(std::uint32_t count) const noexcept {
    std::uint32_t run = 0;
    for (std::uint32_t chunk = 1; chunk < kMaxChunks; ++chunk) {
        run = load(chunks_[chunk]) == nullptr ? run + 1 : 0;
        if (run == count) {
            return chunk + 1 - count;
        }
    }
    return 0;
}

SpaceId Store::find_id() const noexcept {
    for (std::uint32_t id = 0; id < kMaxSpaces; ++id) {
        if (load(spaces_[id]) == nullptr) {
            return SpaceId{static_cast<std::uint16_t>(id)};
        }
    }
    return kNoSpace;
}

}  // namespace xdhcpd::lease
