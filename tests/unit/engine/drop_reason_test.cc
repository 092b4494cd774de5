#include "engine/drop_reason.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace xdhcpd::engine {
namespace {

TEST(DropReasonTest, EveryReasonHasItsOwnIndexNameAndText) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < DropReason::kCount; ++i) {
        const DropReason reason = DropReason::from_index(i);
        EXPECT_EQ(reason.index(), i);
        EXPECT_FALSE(reason.text().empty());
        EXPECT_FALSE(reason.name().empty());
        names.insert(reason.full_name());
    }
    EXPECT_EQ(names.size(), DropReason::kCount);
    EXPECT_EQ(DropReason{Refusal::kNoSubnet}.full_name(), "engine.no-subnet");
    EXPECT_EQ(DropReason{Shed::kNoTxFrame}.full_name(), "worker.no-tx-frame");
}

TEST(DropReasonTest, EveryRefusalIsNamed) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Refusal::kCount); ++i) {
        EXPECT_FALSE(name(static_cast<Refusal>(i)).empty());
    }
    EXPECT_EQ(name(Shed::kNoTxFrame), "no-tx-frame");
}

}  // namespace
}  // namespace xdhcpd::engine
