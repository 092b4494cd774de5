// Server: the one under test, from its start to its end: several workers over one store, each with
// a shard and a memory port, the ways between them, and the journal; wired as the daemon wires
// them, but every thread is a step that the simulator takes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "io/memory/memory_port.h"
#include "journal/journal.h"
#include "lease/client_limit.h"
#include "lease/store.h"
#include "model/make_snapshot.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "worker/hand_over.h"
#include "worker/lease_recovery.h"
#include "worker/snapshot_slot.h"
#include "worker/worker.h"

namespace xdhcpd::sim {

// Faults of the server itself, planted to see whether the simulation finds them.
enum class Plant : std::uint8_t {
    kNone,
    kSyncsDoNothing,      // the disk lies
    kNewestSegmentLost,   // before each start
    kRepliesBeforeSync,   // durability async, while clients believe in sync
    kOldStatesWin,        // a unit comes back as it was at the start before
    kLeasesEndAtCrash,    // units are given back
    kWorkersShareNoBits,  // each has a store of its own
    kOneShardForgotten,   // the states of one of the shards are not read back
    kClockAhead,          // every start believes that a day has passed
    kReceiversDecide,     // nothing is handed over
    kMessagesLost,        // some, between workers
    kOwnersDoNotWait,     // what is handed over is answered before it is stored
    kOneRecordPerReply,   // of the leases of a reply of DHCPv6 only the first is stored
    kCount,
};
[[nodiscard]] const char* name(Plant plant) noexcept;

struct ServerOptions {
    std::uint32_t workers = 2;
    std::size_t ring_len = std::size_t{64} << 10;
    std::uint64_t segment_len = std::uint64_t{128} << 10;
    std::uint32_t compact_at = 2;
    seconds keep_former{60};
    std::uint32_t tx_frames = 32;
    std::uint32_t client_limit = 256;
    std::size_t message_slots = 64;  // of each way between workers
    bool clock_is_trusted = true;
    HashKey hash_key{};
    Plant plant = Plant::kNone;
};

// What earlier starts found, for Plant::kOldStatesWin.
using RememberedStates = std::map<journal::UnitKey, std::vector<std::byte>>;

class Server {
  public:
    // An error if the disk refuses.
    [[nodiscard]] static Result<std::unique_ptr<Server>, Error> start(Machine& machine,
                                                                      const ServerOptions& options,
                                                                      const Network& network,
                                                                      RememberedStates& remembered);

    [[nodiscard]] std::uint32_t worker_count() const noexcept { return options_.workers; }
    [[nodiscard]] worker::Worker& worker(std::uint32_t index) noexcept {
        return *seats_[index].worker;
    }
    [[nodiscard]] MemoryPort& port(std::uint32_t index) noexcept { return *seats_[index].port; }
    // Null for one worker.
    [[nodiscard]] worker::Exchange* exchange() noexcept { return exchange_.get(); }
    [[nodiscard]] bool has_work(std::uint32_t index) noexcept;

    // One step of one worker; returns what Worker::step() does.
    std::size_t step(std::uint32_t index);
    // The end of all, as WorkerGroup::stop(): first settle() of each, then collect_last().
    void settle(std::uint32_t index) { seats_[index].worker->settle(); }
    void collect_last(std::uint32_t index) { seats_[index].worker->collect_last(); }
    // Calls visit(ByteView) for each reply that has left the worker's port since the last time.
    void drain_sent(std::uint32_t index, const std::function<void(ByteView)>& visit);

    void turn();
    void merge();
    [[nodiscard]] journal::JournalHealth health() const { return journal_->health(); }
    // As at an orderly end: true if everything is on stable storage.
    [[nodiscard]] bool finish();

    void reload(const Network& network);
    // What an operator deletes, or brings from elsewhere for a client without a reservation; false
    // if the address is free, or held.
    bool erase(Ipv4 address);
    bool erase(const Ipv6Prefix& name);
    bool import(int client, ByteView client_id, Ipv4 address, std::uint32_t seconds);

    // Empty if everything is as it should be.
    [[nodiscard]] std::string check() const;
    [[nodiscard]] std::uint64_t restored_leases() const;
    [[nodiscard]] std::uint64_t restored_former() const;

  private:
    struct Space {
        explicit Space(std::uint32_t shard_count) : store{shard_count}, registry{store} {
            registry.ipv6().set_names_key({3, 4});
        }
        lease::Store store;
        model::SpaceRegistry registry;
    };
    struct Seat {
        std::unique_ptr<MemoryPort> port;
        std::unique_ptr<worker::Worker> worker;
    };

    Server(Machine& machine, const ServerOptions& options);
    [[nodiscard]] Result<Success, Error> open(const Network& network, RememberedStates& remembered);
    [[nodiscard]] std::unique_ptr<model::Snapshot> make_snapshot(const Network& network);
    [[nodiscard]] Space& space_of(std::uint32_t worker) noexcept {
        return *spaces_[spaces_.size() == 1 ? 0 : worker];
    }
    [[nodiscard]] std::uint32_t owner_of(ByteView identity) const noexcept;
    void restore(const journal::UnitState& state, RememberedStates& remembered);
    // Plant::kOneRecordPerReply: whether the reply that told of this lease told of another one
    // before it.
    [[nodiscard]] bool is_behind_the_first(const journal::UnitState& state);
    // Plant::kMessagesLost; returns how many.
    std::size_t lose_messages(std::uint32_t index);
    // Plant::kOwnersDoNotWait: what one worker is about to take over ...
    struct HandedTo {
        std::uint32_t receiver = 0;
        std::uint32_t loan = 0;
        ByteView out;
    };
    [[nodiscard]] std::vector<HandedTo> waiting_for(std::uint32_t index);
    // ... and what of it has no reply yet leaves the server now.
    void answer_early(std::uint32_t index, const std::vector<HandedTo>& taken);
    [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const noexcept {
        return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{machine_.now()}};
    }

    Machine& machine_;
    ServerOptions options_;
    std::vector<std::unique_ptr<Space>> spaces_;  // one, but for Plant::kWorkersShareNoBits
    lease::ClientLimit limit_;
    worker::SnapshotSlot slot_;
    std::uint32_t generation_ = 0;
    std::unique_ptr<journal::Journal> journal_;
    std::unique_ptr<worker::LeaseRecovery> recovery_;
    std::unique_ptr<worker::Exchange> exchange_;
    std::vector<Seat> seats_;
    std::uint32_t messages_seen_ = 0;  // by lose_messages()
    // Message and client of what was restored; by is_behind_the_first().
    std::set<std::pair<std::uint32_t, std::vector<std::byte>>> restored_messages_;
    std::vector<std::vector<std::byte>> early_answers_;
};

}  // namespace xdhcpd::sim
