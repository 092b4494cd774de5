#include "sim/server.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/known_client.h"
#include "engine/shard_choice.h"
#include "journal/codec/record.h"
#include "support/frames.h"

namespace xdhcpd::sim {
namespace {

constexpr const char* kDirectory = "state";
constexpr std::uint32_t kCapacity = 256;
constexpr std::size_t kSideMemory = std::size_t{512} << 10;
constexpr std::uint32_t kClockGrace = 300;
// As in control/reloader.cc.
constexpr std::uint64_t kVersionSlack = 1u << 16;

// Workers ask a plain function for the time. One simulation per thread at a time.
thread_local const Machine* machine_of_workers = nullptr;

[[nodiscard]] BootTime boot_clock() noexcept {
    return machine_of_workers->boot_time();
}

// What a fault does to the directory before a start.
void plant_in_files(Plant plant, journal::FaultyFiles& files) {
    if (plant == Plant::kSyncsDoNothing) {
        files.lie_about_syncs();
    }
    const auto names = files.list(kDirectory);
    if (plant != Plant::kNewestSegmentLost || !names) {
        return;
    }
    std::string newest;
    for (const std::string& file : *names) {
        if (file.starts_with("segment-")) {
            newest = std::max(newest, file);
        }
    }
    if (!newest.empty()) {
        files.move_away(std::string{kDirectory} + "/" + newest, "lost");
    }
}

}  // namespace

const char* name(Plant plant) noexcept {
    constexpr std::array<const char*, static_cast<std::size_t>(Plant::kCount)> kNames{
        "None",
        "SyncsDoNothing",
        "NewestSegmentLost",
        "RepliesBeforeSync",
        "OldStatesWin",
        "LeasesEndAtCrash",
        "WorkersShareNoBits",
        "OneShardForgotten",
        "ClockAhead",
        "ReceiversDecide",
        "MessagesLost",
        "OwnersDoNotWait",
        "OneRecordPerReply"};
    return kNames[static_cast<std::size_t>(plant)];
}

Server::Server(Machine& machine, const ServerOptions& options)
    : machine_{machine}, options_{options}, limit_{options.client_limit, options.workers} {
    machine_of_workers = &machine;
    const std::uint32_t stores = options.plant == Plant::kWorkersShareNoBits ? options.workers : 1;
    for (std::uint32_t i = 0; i < stores; ++i) {
        spaces_.push_back(std::make_unique<Space>(options.workers));
    }
}

Result<std::unique_ptr<Server>, Error> Server::start(Machine& machine, const ServerOptions& options,
                                                     const Network& network,
                                                     RememberedStates& remembered) {
    plant_in_files(options.plant, machine.files);
    std::unique_ptr<Server> server{new Server{machine, options}};
    if (const auto opened = server->open(network, remembered); !opened) {
        return Unexpected{opened.error()};
    }
    return server;
}

Result<Success, Error> Server::open(const Network& network, RememberedStates& remembered) {
    slot_.publish(make_snapshot(network));
    std::vector<std::unique_ptr<lease::Shard>> shards;
    shards.reserve(options_.workers);
    const BootSeconds now = to_boot_seconds(machine_.boot_time());
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        shards.push_back(std::make_unique<lease::Shard>(
            space_of(i).store, lease::ShardOptions{.capacity = kCapacity,
                                                   .side_memory = kSideMemory,
                                                   .limit = &limit_,
                                                   .id = static_cast<std::uint16_t>(i),
                                                   .now = now}));
    }
    seats_.resize(options_.workers);

    journal::JournalOptions options;
    options.directory = kDirectory;
    options.durability = options_.plant == Plant::kRepliesBeforeSync ? journal::Durability::kAsync
                                                                     : journal::Durability::kSync;
    options.ring_count = options_.workers;
    options.ring_len = options_.ring_len;
    options.segment_len = options_.segment_len;
    options.compact_at = options_.compact_at;
    options.keep_former = options_.keep_former;
    options.wall_clock = [this] { return machine_.disk_now_ns(); };
    machine_.settle(0);
    journal::Recovery found;
    const auto begin = [&] {
        if (recovery_) {
            return;
        }
        if (options_.plant == Plant::kClockAhead) {
            machine_.step_wall_clock(86400);
        }
        machine_.settle(found.wall_clock_stamp);
        const BootSeconds grace_end =
            options_.clock_is_trusted ? BootSeconds{} : add_seconds(now, kClockGrace);
        std::vector<lease::Shard*> all;
        all.reserve(shards.size());
        for (const auto& shard : shards) {
            all.push_back(shard.get());
        }
        recovery_ = std::make_unique<worker::LeaseRecovery>(
            slot_.newest(), spaces_.front()->registry.ipv6(), std::move(all), machine_.disk_time(),
            now, grace_end);
    };
    auto opened = journal::Journal::open(
        options, machine_.files,
        [&](const journal::UnitState& state) {
            begin();
            restore(state, remembered);
        },
        found);
    if (!opened) {
        return Unexpected{opened.error()};
    }
    begin();
    journal_ = std::move(*opened);
    recovery_->finish();
    if (options_.workers > 1 && options_.plant != Plant::kReceiversDecide) {
        exchange_ = std::make_unique<worker::Exchange>(options_.workers, options_.message_slots);
    }
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        Seat& seat = seats_[i];
        seat.port = std::make_unique<MemoryPort>(MemoryOptions{.interface_name = "memory",
                                                               .queue = i,
                                                               .rx_frame_count = 64,
                                                               .tx_frame_count = options_.tx_frames,
                                                               .frame_len = 2048});
        worker::WorkerOptions worker_options;
        worker_options.id = i;
        worker_options.exchange = exchange_.get();
        worker_options.drop_log_len = 16;
        worker_options.ring = &journal_->ring(i);
        worker_options.disk_time = machine_.disk_time();
        worker_options.clock = boot_clock;
        auto made =
            worker::Worker::make(worker_options, std::move(shards[i]), {seat.port.get()}, slot_);
        if (!made) {
            return Unexpected{made.error()};
        }
        seat.worker = std::move(*made);
    }
    return Success{};
}

void Server::restore(const journal::UnitState& state, RememberedStates& remembered) {
    const std::uint32_t owner = owner_of(state.identity);
    journal::UnitState told = state;
    std::vector<std::byte> older;
    if (options_.plant == Plant::kOldStatesWin) {
        std::vector<std::byte> record(journal::encoded_len(state));
        journal::encode(state, record);
        older = std::exchange(remembered[state.key], record);
        if (!older.empty()) {
            told = journal::decode(older).value();
        }
    } else if (options_.plant == Plant::kLeasesEndAtCrash &&
               state.status == journal::UnitStatus::kLeased) {
        told.status = journal::UnitStatus::kExpired;
    } else if (options_.plant == Plant::kOneShardForgotten && owner + 1 == options_.workers) {
        return;
    } else if (options_.plant == Plant::kOneRecordPerReply && is_behind_the_first(state)) {
        return;
    }
    recovery_->add(told);
}

bool Server::is_behind_the_first(const journal::UnitState& state) {
    if (state.key.kind == journal::UnitKind::kIpv4 ||
        state.status != journal::UnitStatus::kLeased) {
        return false;
    }
    const ByteView client = state.identity.subspan(engine::kIdentityHeaderLen6);
    return !restored_messages_.emplace(state.last_xid, std::vector(client.begin(), client.end()))
                .second;
}

std::uint32_t Server::owner_of(ByteView identity) const noexcept {
    return identity.empty() ? 0 : engine::shard_of(identity, options_.hash_key, options_.workers);
}

std::unique_ptr<model::Snapshot> Server::make_snapshot(const Network& network) {
    const model::Configuration configuration = network.configuration();
    ++generation_;
    std::unique_ptr<model::Snapshot> first;
    for (const auto& space : spaces_) {
        auto made = model::make_snapshot(configuration, Network::host(), space->registry,
                                         options_.hash_key, generation_);
        model::apply_policy(*made.snapshot, configuration, Network::host(), space->registry);
        if (!first) {
            first = std::move(made.snapshot);
        }
    }
    return first;
}

// As control::Reloader::publish().
void Server::reload(const Network& network) {
    std::uint64_t highest = 0;
    for (const Seat& seat : seats_) {
        highest = std::max(highest, seat.worker->shard_counters().highest_version.value());
    }
    for (const auto& space : spaces_) {
        space->registry.set_version_floor(static_cast<std::uint32_t>(highest + kVersionSlack));
    }
    auto snapshot = make_snapshot(network);
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        recovery_->adopt(*snapshot, to_boot_seconds(machine_.boot_time()), i);
    }
    slot_.publish(std::move(snapshot));
}

bool Server::has_work(std::uint32_t index) noexcept {
    bool has_waiting = seats_[index].port->fill_permille() != 0;
    for (std::uint32_t peer = 0; exchange_ && peer < options_.workers; ++peer) {
        has_waiting =
            has_waiting || (peer != index && (exchange_->messages(peer, index).waiting() != 0 ||
                                              exchange_->replies(peer, index).waiting() != 0));
    }
    return has_waiting;
}

std::size_t Server::step(std::uint32_t index) {
    worker::Worker& worker = *seats_[index].worker;
    if (exchange_ && options_.plant == Plant::kMessagesLost) {
        return lose_messages(index) + worker.step();
    }
    if (exchange_ && options_.plant == Plant::kOwnersDoNotWait) {
        const std::vector<HandedTo> taken = waiting_for(index);
        const std::size_t done = worker.step();
        answer_early(index, taken);
        return done;
    }
    return worker.step();
}

void Server::drain_sent(std::uint32_t index, const std::function<void(ByteView)>& visit) {
    for (const auto& frame : std::exchange(early_answers_, {})) {
        visit(frame);
    }
    seats_[index].port->drain_sent([&](ByteView frame, const TxInfo&) { visit(frame); });
}

// As if the worker forgot one of twenty, and to say so.
std::size_t Server::lose_messages(std::uint32_t index) {
    constexpr std::uint32_t kOneOf = 20;
    std::size_t lost = 0;
    for (std::uint32_t peer = 0; peer < options_.workers; ++peer) {
        if (peer == index || exchange_->messages(peer, index).waiting() == 0) {
            continue;
        }
        if (++messages_seen_ % kOneOf == 0) {
            exchange_->messages(peer, index).release(1);
            ++lost;
        }
    }
    return lost;
}

std::vector<Server::HandedTo> Server::waiting_for(std::uint32_t index) {
    std::vector<HandedTo> result;
    for (std::uint32_t peer = 0; peer < options_.workers; ++peer) {
        auto* const ring = peer != index ? &exchange_->messages(peer, index) : nullptr;
        for (std::size_t i = 0; ring != nullptr && i < ring->waiting(); ++i) {
            result.push_back({peer, ring->at(i).loan, ring->at(i).out});
        }
    }
    return result;
}

void Server::answer_early(std::uint32_t index, const std::vector<HandedTo>& taken) {
    for (const HandedTo& message : taken) {
        auto& replies = exchange_->replies(index, message.receiver);
        bool is_given_back = false;
        for (std::size_t i = 0; i < replies.waiting(); ++i) {
            is_given_back = is_given_back || replies.at(i).loan == message.loan;
        }
        if (!is_given_back) {
            constexpr std::size_t kEthernetLen = 14;
            const std::byte* const ip = message.out.data() + kEthernetLen;
            const bool is_ipv4 = load_be16(ip - 2) == 0x0800;
            const std::size_t len =
                kEthernetLen + (is_ipv4 ? load_be16(ip + 2) : 40u + load_be16(ip + 4));
            const ByteView frame = message.out.first(len);
            early_answers_.emplace_back(frame.begin(), frame.end());
        }
    }
}

void Server::turn() {
    journal_->turn(steady_now());
}

void Server::merge() {
    journal_->merge(steady_now());
}

bool Server::finish() {
    return journal_->finish(steady_now());
}

bool Server::erase(Ipv4 address) {
    const model::Subnet* const subnet = slot_.newest().find_subnet(address);
    for (std::uint32_t i = 0; subnet != nullptr && i < options_.workers; ++i) {
        lease::Shard& shard = seats_[i].worker->shard();
        const lease::Unit unit =
            space_of(i).store.space(subnet->space).unit_at(subnet->index(address));
        if (shard.holds(unit) && shard.record(unit).state != lease::LeaseState::kOffered) {
            static_cast<void>(shard.erase(unit));
            return true;
        }
    }
    return false;
}

bool Server::erase(const Ipv6Prefix& name) {
    const auto kind =
        name.length == 128 ? lease::SpaceKind::kIpv6Address : lease::SpaceKind::kIpv6Prefix;
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        lease::Shard& shard = seats_[i].worker->shard();
        const auto unit = space_of(i).registry.ipv6().find_unit(kind, name);
        if (unit && shard.holds(*unit) &&
            shard.record(*unit).state != lease::LeaseState::kOffered) {
            static_cast<void>(shard.erase(*unit));
            return true;
        }
    }
    return false;
}

bool Server::import(int client, ByteView client_id, Ipv4 address, std::uint32_t seconds) {
    const model::Snapshot& snapshot = slot_.newest();
    const model::Subnet* const subnet = snapshot.find_subnet(address);
    if (subnet == nullptr) {
        return false;
    }
    const Mac mac = testing::mac(client);
    engine::ClientDescription description;
    description.hw_address = mac.bytes();
    description.client_id = client_id;
    const auto known = engine::know_client(description, snapshot, *subnet);
    if (!known) {
        return false;
    }
    const lease::Tenant tenant{.identity = known->key.view(),
                               .hw = mac,
                               .hw_len = Mac::kLen,
                               .hw_type = 1,
                               .hash = known->key.hash};
    const std::uint32_t owner = owner_of(tenant.identity);
    const BootSeconds now = to_boot_seconds(machine_.boot_time());
    const lease::Unit unit =
        space_of(owner).store.space(subnet->space).unit_at(subnet->index(address));
    const BootSeconds expiry = add_seconds(now, seconds);
    lease::Shard& shard = seats_[owner].worker->shard();
    // As control/lease_import.cc: of two leases of one client on one link the later end wins.
    const auto& spaces = snapshot.links[subnet->link].spaces;
    std::vector<lease::Unit> others;
    bool is_longer = false;
    shard.visit_units(tenant, [&](lease::Unit held) {
        const lease::SpaceId space = shard.store().space_of(held).id();
        if (std::find(spaces.begin(), spaces.end(), space) != spaces.end()) {
            const lease::Record& record = shard.record(held);
            is_longer |= record.state == lease::LeaseState::kLeased && record.expiry >= expiry;
            if (held != unit) {
                others.push_back(held);
            }
        }
        return false;
    });
    if (is_longer || !shard.import_lease(tenant, unit,
                                         {.expiry = expiry,
                                          .started = now,
                                          .flags = engine::kFlagUnstored,
                                          .hostname = {},
                                          .relay_information = {}})) {
        return false;
    }
    for (const lease::Unit other : others) {
        if (shard.record(other).state == lease::LeaseState::kOffered) {
            shard.withdraw(other);
        } else {
            static_cast<void>(shard.release(other));
        }
    }
    return true;
}

std::string Server::check() const {
    std::uint64_t clients = 0;
    for (const Seat& seat : seats_) {
        const lease::ShardCounters& counters = seat.worker->shard_counters();
        clients += counters.index_entries.value() - counters.former_entries.value();
    }
    if (clients != limit_.used()) {
        return "the shards know " + std::to_string(clients) + " clients, and the limit counts " +
               std::to_string(limit_.used());
    }
    for (const Seat& seat : seats_) {
        const std::string wrong = seat.worker->shard().check_invariants();
        if (!wrong.empty()) {
            return "shard " + std::to_string(seat.worker->id()) + ": " + wrong;
        }
    }
    return {};
}

std::uint64_t Server::restored_leases() const {
    return recovery_->counts().leases;
}

std::uint64_t Server::restored_former() const {
    return recovery_->counts().former;
}

}  // namespace xdhcpd::sim
