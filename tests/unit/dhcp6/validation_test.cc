#include "dhcp6/validation.h"

#include <gtest/gtest.h>

#include <set>

#include "support/dhcp6.h"

namespace xdhcpd::dhcp6 {
namespace {

using testing::Bytes;
using testing::duid_of;
using testing::ia6;
using testing::message6;
using testing::option6;

const Bytes kOwnDuid = duid_of(100);
const Bytes kClientId = option6(1, duid_of(1));
const Bytes kOurs = option6(2, kOwnDuid);
const Bytes kOthers = option6(2, duid_of(101));
const Bytes kNone;

// kCount: the server may act.
Refusal refusal_of(const Bytes& payload, bool is_unicast = false) {
    MessageView view;
    EXPECT_TRUE(view.parse(payload));
    return check_for_server(view, {.server_id = kOwnDuid, .is_unicast = is_unicast})
        .value_or(Refusal::kCount);
}
Refusal refusal_of(int type, const Bytes& client_id, const Bytes& server_id) {
    return refusal_of(message6(type, {client_id, server_id, type == 11 ? kNone : ia6(3, 1, {})}));
}

TEST(Dhcp6ValidationTest, SolicitConfirmRebindNameTheClientAndNoServer) {
    RecordProperty("rfc", "8415 16.2, 16.5, 16.7");
    for (const int type : {1, 4, 6}) {
        EXPECT_EQ(refusal_of(type, kClientId, kNone), Refusal::kCount) << type;
        EXPECT_EQ(refusal_of(type, kNone, kNone), Refusal::kNoClientId) << type;
        EXPECT_EQ(refusal_of(type, kClientId, kOurs), Refusal::kUnexpectedServerId) << type;
        EXPECT_EQ(refusal_of(type, kClientId, kOthers), Refusal::kUnexpectedServerId) << type;
    }
}

TEST(Dhcp6ValidationTest, RequestRenewReleaseDeclineNameClientAndThisServer) {
    RecordProperty("rfc", "8415 16.4, 16.6, 16.8, 16.9");
    for (const int type : {3, 5, 8, 9}) {
        EXPECT_EQ(refusal_of(type, kClientId, kOurs), Refusal::kCount) << type;
        EXPECT_EQ(refusal_of(type, kNone, kOurs), Refusal::kNoClientId) << type;
        EXPECT_EQ(refusal_of(type, kClientId, kNone), Refusal::kNoServerId) << type;
        EXPECT_EQ(refusal_of(type, kClientId, kOthers), Refusal::kOtherServer) << type;
    }
}

TEST(Dhcp6ValidationTest, InformationRequestMayNameThisServerAndHasNoIa) {
    RecordProperty("rfc", "8415 16.12");
    EXPECT_EQ(refusal_of(11, kNone, kNone), Refusal::kCount);
    EXPECT_EQ(refusal_of(11, kClientId, kOurs), Refusal::kCount);
    EXPECT_EQ(refusal_of(11, kClientId, kOthers), Refusal::kOtherServer);
    for (const Bytes& ia : {ia6(3, 1, {}), option6(4, {0, 0, 0, 1}), ia6(25, 1, {})}) {
        EXPECT_EQ(refusal_of(message6(11, {kClientId, ia})), Refusal::kIaInInformationRequest);
    }
}

TEST(Dhcp6ValidationTest, WhatServersSendIsNotForServers) {
    RecordProperty("rfc", "8415 16.3, 16.10, 16.11, 16.14");
    for (const int type : {2, 7, 10, 14, 15, 18, 20, 21, 36, 37}) {
        EXPECT_EQ(refusal_of(type, kClientId, kOurs), Refusal::kNotForServers) << type;
    }
    EXPECT_EQ(refusal_of(testing::relay6(13, 0, "::", "fe80::1", {}, message6(1, {kClientId}))),
              Refusal::kNotForServers);
    EXPECT_EQ(refusal_of(testing::relay6(12, 0, "::", "fe80::1", {}, message6(7, {kClientId}))),
              Refusal::kNotForServers);
}

TEST(Dhcp6ValidationTest, OnlyRelaysUseUnicast) {
    RecordProperty("rfc", "8415 16, 9915 16");
    const Bytes solicit = message6(1, {kClientId});
    const Bytes renew = message6(5, {kClientId, kOurs});
    EXPECT_EQ(refusal_of(solicit, true), Refusal::kUnicast);
    EXPECT_EQ(refusal_of(renew, true), Refusal::kUnicast);
    EXPECT_EQ(refusal_of(testing::relay6(12, 0, "::", "fe80::1", {}, solicit), true),
              Refusal::kCount);
}

TEST(Dhcp6ValidationTest, NamesAreDistinct) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Refusal::kCount); ++i) {
        names.insert(name(static_cast<Refusal>(i)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(Refusal::kCount));
}

}  // namespace
}  // namespace xdhcpd::dhcp6
