// What an operator changes is done when it is on stable storage. The test plays the journal.
#include "control/stored.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "journal/ring.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

class StoredTest : public ::testing::Test {
  protected:
    // The answer, and whether it came before anything was stored.
    struct Outcome {
        json answer;
        bool is_early = false;
    };
    Outcome ask(const json& request) {
        auto asked = std::async(std::launch::async, [&] { return lab_.ask(request); });
        Outcome outcome;
        while (!ring_.has_waiting() && asked.wait_for(1ms) != std::future_status::ready) {
        }
        outcome.is_early = asked.wait_for(50ms) == std::future_status::ready;
        store();
        outcome.answer = asked.get();
        return outcome;
    }
    void store() {
        while (!ring_.take().empty()) {
        }
        ring_.release();
    }
    [[nodiscard]] static json importing(const std::string& address, std::uint32_t number) {
        return {{"command", "leases"},
                {"action", "import"},
                {"leases", json::array({{{"address", address},
                                         {"hw_address", to_string(Lab::mac(number))},
                                         {"expires", 4'000'000'000}}})}};
    }
    [[nodiscard]] static json deleting(const std::string& address) {
        return {{"command", "leases"}, {"action", "delete"}, {"address", address}};
    }

    journal::Waker waker_;
    journal::Ring ring_{1, false, waker_};
    Lab lab_{1, kLabText, {}, &ring_};
};

TEST_F(StoredTest, ImportAndDeleteAnswerWhenTheirRecordsAreStored) {
    const Outcome imported = ask(importing("192.0.2.10", 1));
    EXPECT_FALSE(imported.is_early);
    EXPECT_EQ(imported.answer["outcomes"][0], "imported");
    const Outcome deleted = ask(deleting("192.0.2.10"));
    EXPECT_FALSE(deleted.is_early);
    EXPECT_EQ(deleted.answer["ok"], true) << deleted.answer;
}

TEST_F(StoredTest, WhatChangesNothingWaitsForNothing) {
    json request = importing("192.0.2.10", 1);
    request["dry_run"] = true;
    EXPECT_TRUE(ask(request).is_early);
    EXPECT_TRUE(ask(deleting("192.0.2.11")).is_early);
}

TEST_F(StoredTest, WhenStorageFailsTheAnswerIsAnErrorThatSaysWhatHolds) {
    lab_.journal_health().failing = true;
    lab_.journal_health().problem = "sync segment: Input/output error";
    const json imported = lab_.ask(importing("192.0.2.10", 1));
    EXPECT_EQ(imported["ok"], false);
    EXPECT_THAT(imported["error"].get<std::string>(),
                HasSubstr("in force, but not stored, and a crash may lose them: stable storage "
                          "fails: sync segment: Input/output error"));
    const json deleted = lab_.ask(deleting("192.0.2.10"));
    EXPECT_THAT(deleted["error"].get<std::string>(), HasSubstr("a crash may bring it back"));
    lab_.journal_health() = {};
    // Again, when storage is back: what is there already is stored as well.
    EXPECT_EQ(ask(importing("192.0.2.10", 1)).answer["outcomes"][0], "imported");
}

TEST_F(StoredTest, AWaitHasAnEnd) {
    EXPECT_THAT(lab_.ask(importing("192.0.2.10", 1))["error"].get<std::string>(),
                HasSubstr("does not answer"));
}

TEST_F(StoredTest, NothingIsDeletedThatCouldNotBeWritten) {
    ASSERT_EQ(ask(importing("192.0.2.10", 1)).answer["ok"], true);
    lab_.worker().call([&] {
        journal::UnitState state;
        state.key = journal::UnitKey::ipv4(Ipv4{1});
        while (lab_.worker().has_room_for_records()) {
            ring_.append(state);
        }
    });
    EXPECT_THAT(lab_.ask(deleting("192.0.2.10"))["error"].get<std::string>(),
                HasSubstr("does not keep up"));
    lab_.worker().call([&] { ring_.kick(); });
    store();
    EXPECT_EQ(ask(deleting("192.0.2.10")).answer["ok"], true);
}

}  // namespace
}  // namespace xdhcpd::control
