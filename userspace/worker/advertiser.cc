#include "worker/advertiser.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "engine/v6/router_advertisement.h"

namespace xdhcpd::worker {
namespace {

// A port whose frames are all out is looked at again after this time.
constexpr std::chrono::milliseconds kRetryTime{100};

[[nodiscard]] std::optional<Ipv6> link_local_of(const model::HostInterface& interface) noexcept {
    for (const Ipv6Prefix& prefix : interface.addresses6) {
        if (prefix.address.is_link_local()) {
            return prefix.address;
        }
    }
    return std::nullopt;
}

// Whether hosts see no difference between an advertisement by the one and by the other.
[[nodiscard]] bool are_equal(const model::HostInterface& a,
                             const model::HostInterface& b) noexcept {
    return a.mac == b.mac && a.mtu == b.mtu && link_local_of(a) == link_local_of(b);
}

// Neither workers nor servers shall advertise in step.
[[nodiscard]] std::uint64_t seed_of(const model::Snapshot& snapshot,
                                    const model::Advertisement& advertisement,
                                    BootTime now) noexcept {
    std::array<std::byte, 16> bytes{};
    store_be32(bytes.data(), advertisement.ifindex);
    store_be16(bytes.data() + 4, advertisement.vlan.outer);
    store_be16(bytes.data() + 6, advertisement.vlan.inner);
    const auto time = static_cast<std::uint64_t>(now.time_since_epoch().count());
    store_be32(bytes.data() + 8, static_cast<std::uint32_t>(time >> 32));
    store_be32(bytes.data() + 12, static_cast<std::uint32_t>(time));
    return hash_bytes(snapshot.hash_key, bytes);
}

}  // namespace

std::string_view name(AdvertisementKind kind) noexcept {
    switch (kind) {
        case AdvertisementKind::kMulticast:
            return "multicast";
        case AdvertisementKind::kUnicast:
            return "unicast";
        default:
            break;
    }
    return "final";
}

Advertiser::Advertiser(UnixTime unix_time, OnSent on_sent)
    : unix_time_{unix_time}, on_sent_{std::move(on_sent)} {}

Advertiser::Link* Advertiser::find(std::uint32_t ifindex, model::VlanIds vlan) noexcept {
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const Link& link) {
        return link.advertisement.ifindex == ifindex && link.advertisement.vlan == vlan;
    });
    return found != links_.end() ? &*found : nullptr;
}

void Advertiser::update(const model::Snapshot& snapshot,
                        const std::function<Port*(const model::HostInterface&)>& port_of,
                        BootTime now) {
    for (Link& link : links_) {
        link.is_confirmed = false;
    }
    for (const model::Advertisement& advertisement : snapshot.ipv6.advertisements) {
        const model::Ingress* const ingress = snapshot.find_ingress(advertisement.ifindex);
        Port* const port = ingress != nullptr ? port_of(ingress->interface) : nullptr;
        if (port == nullptr) {
            continue;
        }
        const std::uint32_t min = advertisement.configuration.min_interval;
        const std::uint32_t max = advertisement.configuration.max_interval;
        Link* const link = find(advertisement.ifindex, advertisement.vlan);
        if (link == nullptr) {
            links_.push_back({advertisement,
                              ingress->interface,
                              port,
                              {min, max, now, seed_of(snapshot, advertisement, now)}});
            continue;
        }
        const bool goes_on = link->advertisement == advertisement && link->port == port &&
                             are_equal(link->interface, ingress->interface);
        link->is_confirmed = true;
        link->port = port;
        link->interface = ingress->interface;
        if (!goes_on) {
            link->advertisement = advertisement;
            link->schedule.restart(min, max, now);
        }
    }
    for (Link& link : links_) {
        const model::Advertisement& old = link.advertisement;
        if (!link.is_confirmed &&
            snapshot.ipv6.find_advertisement(old.ifindex, old.vlan) == nullptr) {
            send_final(link);
        }
    }
    std::erase_if(links_, [](const Link& link) { return !link.is_confirmed; });
    find_due();
}

void Advertiser::forget(const Port& port) noexcept {
    std::erase_if(links_, [&port](const Link& link) { return link.port == &port; });
    find_due();
}

bool Advertiser::solicit(const engine::v6::Request& request, BootTime now) noexcept {
    Link* const link = find(request.ifindex(), model::vlan_ids(request.frame().tags));
    if (link == nullptr) {
        return false;
    }
    // Where the host is: as it says, else where its frame came from. No host is at a group address:
    // an answer to one alone must not go to many.
    const std::optional<Mac> said = request.nd().source_link_layer();
    const bool is_host = said && !said->is_group() && !said->is_zero();
    const Mac mac = is_host ? *said : request.frame().source_mac;
    link->schedule.solicit(request.frame().source, mac,
                           link->advertisement.configuration.solicited_by_unicast, now);
    due_at_ = std::min(due_at_, link->schedule.due_at());
    return true;
}

void Advertiser::send_due(BootTime now) {
    due_at_ = BootTime::max();
    for (Link& link : links_) {
        if (link.schedule.due_at() <= now) {
            send_due(link, now);
        }
        due_at_ = std::min(
            due_at_, link.schedule.due_at() > now ? link.schedule.due_at() : now + kRetryTime);
    }
}

void Advertiser::send_due(Link& link, BootTime now) {
    bool is_any_sent = false;
    while (link.schedule.due_at() <= now) {
        // First the frame: what the schedule gives counts as sent.
        std::optional<TxFrame> frame = link.port->lend();
        if (!frame) {
            counters_.no_tx_frame.add();
            break;
        }
        const auto due = link.schedule.next(now);
        if (!due) {
            break;
        }
        send(link, std::move(*frame), due->to.value_or(kAllNodes), due->mac,
             due->to ? AdvertisementKind::kUnicast : AdvertisementKind::kMulticast);
        is_any_sent = true;
    }
    if (is_any_sent) {
        link.port->flush();
    }
}

void Advertiser::send_final() {
    for (Link& link : links_) {
        send_final(link);
    }
    links_.clear();
    due_at_ = BootTime::max();
}

void Advertiser::send_final(Link& link) {
    if (std::optional<TxFrame> frame = link.port->lend()) {
        send(link, std::move(*frame), kAllNodes, kAllNodes.multicast_mac(),
             AdvertisementKind::kFinal);
        link.port->flush();
    } else {
        counters_.no_tx_frame.add();
    }
}

void Advertiser::send(Link& link, TxFrame frame, const Ipv6& to, Mac mac, AdvertisementKind kind) {
    engine::v6::AdvertisementTerms terms;
    terms.destination = to;
    terms.destination_mac = mac;
    terms.unix_time = unix_time_();
    terms.is_final = kind == AdvertisementKind::kFinal;
    terms.mtu = link.interface.mtu;
    const engine::v6::AdvertisementFrame written = engine::v6::write_router_advertisement(
        link.advertisement, link.interface, terms, frame.bytes());
    counters_.options_left_out.add(written.left_out);
    if (written.frame_len == 0) {
        counters_.no_source.add();
        return;
    }
    on_sent_(*link.port, mac, frame.bytes().first(written.frame_len));
    TxInfo info;
    info.frame_len = written.frame_len;
    info.ifindex = link.advertisement.ifindex;
    link.port->submit(std::move(frame), info);
    counters_.sent[kind].add();
}

void Advertiser::find_due() noexcept {
    due_at_ = BootTime::max();
    for (const Link& link : links_) {
        due_at_ = std::min(due_at_, link.schedule.due_at());
    }
}

}  // namespace xdhcpd::worker
