// Gun: the clients. Takes replies, keeps each client's state, sends requests through a port. Time
// is an argument and everything random is seeded, so that tests need neither clock nor network.
//
// One thread. No allocation per packet. Order of use, again and again: handle() what was received,
// advance(), then flush the port and say when with sent_at().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "packet/port.h"
#include "tools/xdhcpgun/address_book.h"
#include "tools/xdhcpgun/client_table.h"
#include "tools/xdhcpgun/family.h"
#include "tools/xdhcpgun/population.h"
#include "tools/xdhcpgun/settings.h"
#include "tools/xdhcpgun/statistics.h"

namespace xdhcpd::gun {

// Frames per batch, received and sent.
inline constexpr std::size_t kBatch = 64;

// Dhcp4Family or Dhcp6Family.
template <typename Family>
class BasicGun {
  public:
    using Address = typename Family::Address;
    using ServerId = typename Family::ServerId;
    using Client = BasicClient<Address>;
    using Reply = typename Family::Reply;
    using Entry = typename Family::Entry;
    using Frames = typename Family::Frames;

    struct Hooks {
        // Ledger lines to write before the acknowledgements count; may be empty.
        std::function<void(std::string_view)> write_ledger;
        // A sentence for people about something that must not be.
        std::function<void(const std::string&)> complain;
        std::uint64_t unix_start = 0;  // Unix time at Time 0, in seconds
    };

    // All outlive the gun. Requests leave through `port`.
    BasicGun(const Settings& settings, const Population& population, const Frames& frames,
             Port& port, Hooks hooks);

    // Requests leave by these ports in turn, of which there is at least one; they outlive the gun.
    // Before the first advance().
    void send_by(std::span<Port* const> ports) { senders_.assign(ports.begin(), ports.end()); }

    // Gives clients the leases of a ledger (scenarios renew and verify). Call before the first
    // advance(). Returns how many belong to clients of this population.
    std::size_t adopt(std::span<const Entry> entries);

    // At most kBatch frames.
    void handle(std::span<const RxFrame> batch, Time now);
    // Timers, and new exchanges: submits at most kBatch frames or so. True when it did anything.
    bool advance(Time now);
    // What has been submitted since the last call is now with the kernel.
    void sent_at(Time now) noexcept;

    // No more to do, and nothing in flight.
    [[nodiscard]] bool done() const noexcept { return phase_ == Phase::kDone; }
    // Ends the run early, as if the duration had passed.
    void stop(Time now) noexcept;
    // When advance() has something to do if nothing comes; in the past for at once.
    [[nodiscard]] Time next_event(Time now) const noexcept;

    [[nodiscard]] const ExchangeCounts& exchanges() const noexcept { return exchanges_; }
    [[nodiscard]] const FrameCounts& frames() const noexcept { return counts_; }
    [[nodiscard]] Results results() const noexcept;

  private:
    enum class Phase : std::uint8_t { kPrepare, kWarmup, kMeasure, kDrain, kDone };
    struct Server {
        ServerId id;
        Mac mac;
    };
    struct Acknowledged {
        std::uint32_t index = 0;
        Time latency{};
        Time exchange{};
    };

    // Who asks for the link-layer address of one of ours: ARP, Neighbor Discovery. False: it is
    // something else.
    [[nodiscard]] bool handle_neighbor(ByteView frame);
    void handle_reply(ByteView frame, Time now);
    void handle_late(const Reply& reply) noexcept;
    void take_offer(std::uint32_t index, const Reply& reply, Time now);
    void take_ack(std::uint32_t index, const Reply& reply, Time now);
    void take_nak(std::uint32_t index, Time now);
    void commit_batch();
    void note_holder(std::uint32_t index, const Address& address, std::uint32_t lease_seconds,
                     Time now);
    void count_storm_lease(std::uint32_t index, Time now) noexcept;

    void enter(Phase phase, Time now) noexcept;
    void update_phase(Time now);
    bool start_due(Time now);
    [[nodiscard]] std::optional<std::uint32_t> next_client() noexcept;
    void begin(std::uint32_t index, Time now, Time scheduled);
    void finish(std::uint32_t index) noexcept;
    void fire(std::uint32_t index, Time now);
    void give_up(std::uint32_t index) noexcept;
    void send(std::uint32_t index, Time now);
    [[nodiscard]] Time retry_delay(const Client& client) noexcept;
    [[nodiscard]] RequestKind kind_of(const Client& client) const noexcept;
    [[nodiscard]] std::uint8_t server_index(const ServerId& id, Mac mac);

    const Settings& settings_;
    const Population& population_;
    const Frames& request_frames_;
    std::vector<Port*> senders_;  // requests leave by them in turn
    std::size_t next_sender_ = 0;
    Hooks hooks_;
    typename Family::Reader reader_;
    Random random_;
    std::vector<Client> clients_;
    RetryTimers<Client> timers_;
    AddressBook<Address> book_;
    std::vector<Server> servers_;  // [0] is nobody
    std::vector<std::uint32_t> to_verify_;
    std::string ledger_text_;
    std::vector<Acknowledged> acknowledged_;
    std::vector<std::uint32_t> submitted_;

    Phase phase_ = Phase::kPrepare;
    bool started_ = false;
    Time measure_begin_{};
    Time measure_end_{};
    Time drain_end_{};
    Time rate_origin_{};
    Time behind_{};
    Time curve_next_{};
    FrameCounts curve_base_;
    std::uint64_t rate_count_ = 0;  // exchanges begun or skipped since rate_origin_
    std::uint64_t in_flight_ = 0;
    std::uint32_t cursor_ = 0;  // next client, or index in to_verify_
    std::uint32_t prepared_ = 0;
    std::uint32_t prepare_failures_ = 0;

    ExchangeCounts exchanges_;
    FrameCounts counts_;
    StormCounts storm_;
    VerifyCounts verify_;
};

template <>
bool BasicGun<Dhcp4Family>::handle_neighbor(ByteView frame);
template <>
bool BasicGun<Dhcp6Family>::handle_neighbor(ByteView frame);
extern template class BasicGun<Dhcp4Family>;
extern template class BasicGun<Dhcp6Family>;
using Gun = BasicGun<Dhcp4Family>;
using Gun6 = BasicGun<Dhcp6Family>;

}  // namespace xdhcpd::gun
