// Abroad: what is between the workers of the simulated server, by the simulator's own account:
// every message that a worker has handed to another, from the step that gave it until the step in
// which its loan is back. It looks at the rings before and after each step of a worker and believes
// nothing that it did not see coming.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "engine/drop_reason.h"
#include "sim/ledger.h"
#include "sim/message.h"
#include "support/frames.h"
#include "worker/hand_over.h"

namespace xdhcpd::sim {

class Abroad {
  public:
    enum class Where : std::uint8_t {
        kOnTheWay,    // to the worker that knows the client
        kKept,        // there, decided: its reply waits for stable storage
        kComingBack,  // to the worker that received it
    };
    struct Loan {
        Heard heard;
        bool may_wait = false;  // and counts among the parked frames of its port
        ByteView out;           // of the lent frame
        Where where = Where::kOnTheWay;
        // What comes back: either why there is no answer, or the answer and its frame.
        std::optional<engine::DropReason> drop;
        Answer answer;
        testing::Bytes frame;
        // The client or the operator ended what an ACK promises while that was on its way, as if it
        // were in the network.
        bool is_void = false;
    };

    // `exchange`: null for one worker.
    Abroad(worker::Exchange* exchange, std::uint32_t worker_count)
        : exchange_{exchange}, worker_count_{worker_count} {}

    // Before a step of this worker.
    void look_before(std::uint32_t worker);
    // After it. Throws Violation where something came that was not given, or did not come that was.
    void look_after();
    // Of this step, until the next: loans of messages that the worker took over, in that order;
    [[nodiscard]] const std::vector<Loan*>& taken() const noexcept { return taken_; }
    // loans whose replies it put on their way back;
    [[nodiscard]] const std::vector<Loan*>& given_back() const noexcept { return given_back_; }
    // and what came back to it.
    [[nodiscard]] const std::vector<Loan>& returned() const noexcept { return returned_; }
    // Whether the worker has handed this message over in this step. Ask in the order of arrival.
    [[nodiscard]] bool was_handed_over(const Sent& message);

    // Asks of each decided message whether the lease that it is about has ended now.
    void end_if(const std::function<bool(const Loan&)>& has_ended);

    [[nodiscard]] std::size_t count() const noexcept { return loans_.size(); }
    // Of what this worker has received.
    [[nodiscard]] std::size_t count_of(std::uint32_t worker) const;
    // Of these, what counts as parked on its port.
    [[nodiscard]] std::size_t waiting_of(std::uint32_t worker) const;

  private:
    using Key = std::pair<std::uint32_t, std::uint32_t>;  // receiver, number of the loan
    struct Before {
        std::vector<Key> messages;  // in the rings to the worker
        std::vector<Key> replies;
    };

    void look_for_taken();
    void look_for_returned();
    void look_for_given_back();
    void look_for_given();
    template <typename Visit>
    void visit_peers(Visit&& visit) const;

    worker::Exchange* exchange_;
    std::uint32_t worker_count_;
    std::uint32_t worker_ = 0;
    std::map<Key, Loan> loans_;
    std::vector<Before> before_;  // by peer
    std::vector<Loan*> taken_;
    std::vector<Loan*> given_back_;
    std::vector<Loan> returned_;
    std::vector<std::vector<const worker::HandedMessage*>> given_;  // by peer, not yet asked for
};

}  // namespace xdhcpd::sim
