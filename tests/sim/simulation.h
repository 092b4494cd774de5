// Simulation: one run from one seed. Clients, a network that loses, doubles, delays and reorders,
// the server with its workers and journal, the disk, the clocks, the operator and the power are
// steps of one thread in an order that the seed decides; so are the sizes of everything and how
// often what happens. Equal seeds make equal histories.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/abroad.h"
#include "sim/client.h"
#include "sim/client6.h"
#include "sim/history.h"
#include "sim/ledger.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/server.h"

namespace xdhcpd::sim {

struct Statistics {
    std::uint64_t runs = 0;
    std::uint64_t steps = 0;
    std::uint64_t sent = 0;
    std::uint64_t offers = 0;
    std::uint64_t acks = 0;
    std::uint64_t naks = 0;
    std::uint64_t advertises = 0;
    std::uint64_t replies = 0;        // of DHCPv6 that give leases
    std::uint64_t joint_replies = 0;  // and of these, to several IAs
    std::uint64_t power_cuts = 0;
    std::uint64_t kills = 0;
    std::uint64_t stops = 0;
    std::uint64_t refused_starts = 0;
    std::uint64_t disk_faults = 0;  // windows in which calls fail
    std::uint64_t stalls = 0;
    std::uint64_t syncs = 0;
    std::uint64_t merges = 0;
    std::uint64_t reloads = 0;
    std::uint64_t deletes = 0;
    std::uint64_t imports = 0;
    std::uint64_t wall_steps = 0;
    std::uint64_t audits = 0;
    std::uint64_t audited = 0;  // claims asked for in them
    std::uint64_t backlogged = 0;
    std::uint64_t handed_over = 0;
    std::uint64_t refused_ways = 0;  // messages that found no room between workers
    std::uint64_t died_abroad = 0;   // with the server, while they were at another worker
    std::uint64_t seconds = 0;       // of simulated time

    Statistics& operator+=(const Statistics& other);
    [[nodiscard]] std::string text() const;
};

struct Report {
    std::uint64_t seed = 0;
    std::string violation;  // empty: none
    std::string history;    // the end of it, if there is a violation
    std::uint64_t hash = 0;
    Statistics statistics;
};

class Simulation {
  public:
    explicit Simulation(std::uint64_t seed, Plant plant = Plant::kNone);
    // So many steps, then the end: all faults cease, every lease that has not ended is asked for,
    // and, when all have ended, every client must get one. Of the
    // history, the last `shown` events are told if a rule was broken.
    [[nodiscard]] Report run(std::uint64_t steps, std::size_t shown = 60);

  private:
    static constexpr int kReservedCount = 3;  // clients that an address is reserved for

    struct Action {
        std::uint32_t weight;
        void (Simulation::*act)();
    };

    void choose_sizes();
    void choose_weights();
    void step();

    // The network.
    void send();
    void deliver();
    void deliver_reply();
    void put_in_port(Sent sent);
    // The server.
    void work();
    // One step of this worker, or another one of its ways to work.
    void work_on(std::uint32_t worker) {
        work_on(worker, [this, worker] { return server_->step(worker); });
    }
    void work_on(std::uint32_t worker, const std::function<std::optional<std::size_t>()>& how);
    void see_reply(const Answer& answer);
    [[nodiscard]] std::size_t see_returned(std::vector<testing::Bytes>& left);
    void judge_given_back();
    void check_accounts(std::uint32_t worker);
    void check_nothing_is_left();
    [[nodiscard]] std::uint64_t bad_drops(std::uint32_t worker);
    void turn();
    void merge();
    void check();
    // Time.
    void pass_little();
    void pass_some();
    void pass_long();
    void step_wall_clock();
    void pass(Nanoseconds time);
    // What goes wrong.
    void fail_disk();
    void arm_crash();
    void stall();
    void fill_disk();
    void cut_power();
    void kill();
    void stop();
    void restart(journal::FaultyFiles::Loss loss);
    void count_end();
    // The operator.
    void reload();
    void erase();
    void erase6();
    void import();
    // The end.
    void audit();
    void heal();
    void settle();
    void ask_for(const Ledger::Claim& claim);
    void ask_for_leases_of(Client6& client);
    void serve_everybody();
    [[nodiscard]] bool get_lease(Client& client);
    void serve_everybody6();
    // What it is given.
    [[nodiscard]] std::vector<Answer6::Part> get_leases(Client6& client);

    [[nodiscard]] bool chance(std::uint32_t percent) { return random_.below(100) < percent; }
    [[nodiscard]] Ipv4 some_address();
    void note(What what, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
              std::uint32_t d = 0) {
        history_.add(machine_.now(), what, a, b, c, d);
    }
    [[nodiscard]] Nanoseconds now() const { return machine_.now(); }

    std::uint64_t seed_;
    Plant plant_;
    Random random_;
    History history_;
    Statistics statistics_;
    Machine machine_;
    Network network_;
    Network whole_network_;  // all subnets, all pools at their greatest
    Ledger ledger_;
    std::vector<Client> clients_;
    std::vector<Client6> clients6_;
    std::vector<Action> actions_;
    std::uint32_t weight_sum_ = 0;
    std::uint32_t loss_percent_ = 0;
    std::uint32_t copy_percent_ = 0;

    std::vector<Sent> messages_;               // on their way to the server
    std::vector<Answer> replies_;              // on their way to clients
    std::vector<std::vector<Sent>> in_ports_;  // by worker: not yet received
    std::vector<Heard> decided_;               // in the last step of a worker
    std::optional<Abroad> abroad_;
    ServerOptions options_;
    RememberedStates remembered_;
    std::unique_ptr<Server> server_;
    bool is_stalled_ = false;
    bool is_faulty_ = false;  // since the last start the disk was told to fail
};

}  // namespace xdhcpd::sim
