// Advertiser: sends the Router Advertisements of links, each by one port, when their schedules say
// so. A link is an interface, or a VLAN of one. One thread: that of the worker, which has the
// ports. Allocates when what is advertised changes, not when it is sent.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/addresses.h"
#include "base/counters.h"
#include "base/time.h"
#include "engine/v6/ra_schedule.h"
#include "engine/v6/request.h"
#include "model/host_state.h"
#include "model/snapshot.h"
#include "packet/port.h"

namespace xdhcpd::worker {

enum class AdvertisementKind : std::uint8_t {
    kMulticast,  // to all nodes, in turn or because somebody asked
    kUnicast,    // to one who asked
    kFinal,      // to all nodes: we are no router there any more
    kCount
};
// "multicast", "unicast" or "final"
[[nodiscard]] std::string_view name(AdvertisementKind kind) noexcept;

// Written by the advertiser's thread, readable by any.
struct AdvertiserCounters {
    EnumCounters<AdvertisementKind> sent;
    Counter no_tx_frame;       // times that one had to wait for a frame of its port
    Counter no_source;         // not sent: the interface has no link-local address that may be used
    Counter options_left_out;  // that found no room in what was sent
};

class Advertiser {
  public:
    // What has been sent, before it leaves with the port's flush.
    using OnSent = std::function<void(const Port&, const Mac& destination, ByteView frame)>;
    // Seconds since 1970, for lifetimes that count down.
    using UnixTime = std::uint64_t (*)() noexcept;

    Advertiser(UnixTime unix_time, OnSent on_sent);

    // From now on advertises what the snapshot says, on those interfaces of which `port_of` gives
    // a port. A link whose advertisement is what it was goes on with its schedule, another one
    // begins anew. Of one that the snapshot no longer has, a last advertisement takes leave (RFC
    // 4861 section 6.2.5), if its port is still there; a link that has only lost its port is left
    // in silence, since it comes back, or belongs to another worker now.
    void update(const model::Snapshot& snapshot,
                const std::function<Port*(const model::HostInterface&)>& port_of, BootTime now);
    // Ports that will be destroyed: their links are forgotten, until the next update().
    void forget(const Port& port) noexcept;

    // Takes a Router Solicitation, which is answered later. False if the link is none of these.
    [[nodiscard]] bool solicit(const engine::v6::Request& request, BootTime now) noexcept;
    // When send_due() has something to do.
    [[nodiscard]] BootTime due_at() const noexcept { return due_at_; }
    // Sends what is due by now, and flushes those ports.
    void send_due(BootTime now);
    // Takes leave of all links.
    void send_final();

    [[nodiscard]] const AdvertiserCounters& counters() const noexcept { return counters_; }

  private:
    struct Link {
        model::Advertisement advertisement;
        model::HostInterface interface;
        Port* port;
        engine::v6::RaSchedule schedule;
        bool is_confirmed = true;  // by the update() that is going on
    };

    [[nodiscard]] Link* find(std::uint32_t ifindex, model::VlanIds vlan) noexcept;
    void send(Link& link, TxFrame frame, const Ipv6& to, Mac mac, AdvertisementKind kind);
    void send_final(Link& link);
    void send_due(Link& link, BootTime now);
    void find_due() noexcept;

    UnixTime unix_time_;
    OnSent on_sent_;
    std::vector<Link> links_;
    BootTime due_at_ = BootTime::max();
    AdvertiserCounters counters_;
};

}  // namespace xdhcpd::worker
