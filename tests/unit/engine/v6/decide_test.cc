#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/engine6_harness.h"

namespace xdhcpd::engine::v6 {
namespace {

using testing::Bytes;
using testing::bytes;
using ::testing::ElementsAre;
using testing::Engine6;
using ::testing::IsEmpty;
using testing::Message6;
using testing::option_value6;
using testing::ReplyLease;
using testing::small_configuration6;

constexpr int kNoAddrsAvail = 2;
constexpr int kNoBinding = 3;
constexpr int kNotOnLink = 4;
constexpr int kNoPrefixAvail = 6;

[[nodiscard]] bool is_pooled(const std::string& address) {
    return address.starts_with("2001:db8:1::100") && address.size() == 16;
}
// The rest of small_configuration6()'s pool.
void fill_pool(Engine6& engine, int first_client = 100) {
    for (int client = first_client; is_pooled(engine.get_address(client)); ++client) {
    }
}
void fill_prefixes(Engine6& engine, int first_client = 100) {
    for (int client = first_client; engine.get_prefix(client) != ""; ++client) {
    }
}

// == SOLICIT (section 18.3.1, 18.3.9) ==

TEST(Decide6Test, ASolicitIsAnsweredByAnAdvertiseWithALease) {
    RecordProperty("rfc", "8415 18.3.1");
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kSolicit}.xid(0xabcdef).na(7).pd(7));
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_EQ(outcome.reply->type(), 2);
    EXPECT_EQ(outcome.reply->message->transaction_id(), 0xabcdefu);
    EXPECT_EQ(outcome.reply->option(1), testing::duid_of(1));
    EXPECT_EQ(outcome.reply->option(2), testing::kServerDuid);
    const auto na = outcome.reply->na(7);
    EXPECT_TRUE(is_pooled(na.lease())) << na.lease();
    EXPECT_THAT(na.leases, ElementsAre(ReplyLease{na.lease(), 3600, 7200}));
    EXPECT_TRUE(outcome.reply->pd(7).lease().ends_with("/56"));
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 2u);
    EXPECT_THAT(outcome.reply->decision.promises(), IsEmpty());
}

TEST(Decide6Test, AnAdvertisedUnitIsHeldForTheOfferTimeOnly) {
    Engine6 engine;
    ASSERT_TRUE(engine.send(Message6{Message6::kSolicit}.na(1)).reply);
    engine.pass(29);
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 1u);
    engine.pass(2);
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 0u);
}

TEST(Decide6Test, ASecondSolicitHoldsTheSameUnitLonger) {
    Engine6 engine;
    const auto first = engine.send(Message6{Message6::kSolicit}.na(1));
    engine.pass(20);
    const auto second = engine.send(Message6{Message6::kSolicit}.xid(2).na(1));
    EXPECT_EQ(first.reply->na(1).lease(), second.reply->na(1).lease());
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 1u);
    engine.pass(20);
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 1u);
}

TEST(Decide6Test, WithoutAFreeUnitTheAdvertiseSaysSoInEachIa) {
    RecordProperty("rfc", "8415 18.3.9");
    Engine6 engine;
    fill_pool(engine);
    fill_prefixes(engine, 200);
    const auto outcome = engine.send(Message6{Message6::kSolicit}.na(1).pd(1));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), 2);
    EXPECT_EQ(outcome.reply->na(1).status, kNoAddrsAvail);
    EXPECT_THAT(outcome.reply->na(1).leases, IsEmpty());
    EXPECT_EQ(outcome.reply->na(1).t1, 0u);
    EXPECT_EQ(outcome.reply->pd(1).status, kNoPrefixAvail);
}

TEST(Decide6Test, PreferenceIsSentInAdvertisesOnly) {
    RecordProperty("rfc", "8415 18.3.9");
    auto configuration = small_configuration6();
    configuration.dhcp6.preference = 200;
    Engine6 engine{configuration};
    EXPECT_EQ(engine.send(Message6{Message6::kSolicit}.na(1)).reply->option(7), bytes({200}));
    EXPECT_FALSE(engine.send(Message6{Message6::kRequest}.na(1)).reply->has(7));
}

TEST(Decide6Test, AnAdvertiseWithoutAPreferenceHasNone) {
    EXPECT_FALSE(Engine6{}.send(Message6{Message6::kSolicit}.na(1)).reply->has(7));
}

TEST(Decide6Test, ASolicitWithoutAnIaGetsItsOptions) {
    auto configuration = small_configuration6();
    configuration.dhcp6.options.push_back(option_value6(23, Bytes(16)));
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6{Message6::kSolicit}.oro({23}));
    EXPECT_EQ(outcome.reply->type(), 2);
    EXPECT_TRUE(outcome.reply->has(23));
}

TEST(Decide6Test, AFreeAddressThatIsAskedForIsOffered) {
    RecordProperty("rfc", "8415 18.3.9");
    Engine6 engine;
    for (const char* const hint : {"2001:db8:1::1007", "2001:db8:1::100c", "2001:db8:1::1000"}) {
        const int client = hint[15];
        EXPECT_EQ(engine.send(Message6{Message6::kSolicit, client}.na(1, {hint}), client)
                      .reply->na(1)
                      .lease(),
                  hint);
    }
}

TEST(Decide6Test, AHintThatCannotBeFollowedIsNotInTheAdvertise) {
    RecordProperty("rfc", "8415 18.3.9");
    Engine6 engine;
    const std::string taken = engine.get_address(1);
    const std::vector<std::string> hints{taken, "2001:db8:9::1", "2001:db8:1::77"};
    for (const std::string& hint : hints) {
        const auto outcome = engine.send(Message6{Message6::kSolicit, 2}.na(1, {hint}), 2);
        EXPECT_TRUE(is_pooled(outcome.reply->na(1).lease()));
        EXPECT_EQ(outcome.reply->na(1).leases.size(), 1u);
        EXPECT_NE(outcome.reply->na(1).lease(), hint);
    }
}

TEST(Decide6Test, APrefixThatIsAskedForIsOffered) {
    Engine6 engine;
    EXPECT_EQ(engine.send(Message6{Message6::kSolicit}.pd(1, {"2001:db8:100:700::/56"}))
                  .reply->pd(1)
                  .lease(),
              "2001:db8:100:700::/56");
}

TEST(Decide6Test, ALengthThatIsAskedForChoosesThePoolThatComesNearest) {
    RecordProperty("rfc", "8168 3");
    auto configuration = small_configuration6();
    auto& pools = configuration.dhcp6.subnets[0].prefix_pools;
    pools.push_back({*parse_ipv6_prefix("2001:db8:200::/40"), 48, {}});
    pools.push_back({*parse_ipv6_prefix("2001:db8:300::/52"), 64, {}});
    Engine6 engine{configuration};
    const std::pair<const char*, const char*> cases[] = {
        {"::/48", "/48"}, {"::/56", "/56"},  {"::/64", "/64"}, {"::/60", "/56"},  // equally near
        {"::/40", "/48"}, {"::/127", "/64"}, {"::/63", "/64"}, {"::/0", "/56"},   // says nothing
    };
    int client = 1;
    for (const auto& [hint, expected] : cases) {
        const auto outcome =
            engine.send(Message6{Message6::kSolicit, client}.pd(1, {hint}), client);
        EXPECT_TRUE(outcome.reply->pd(1).lease().ends_with(expected))
            << hint << " " << outcome.reply->pd(1).lease();
        ++client;
    }
}

TEST(Decide6Test, AFullPoolIsFollowedByTheNextNearestOne) {
    auto configuration = small_configuration6();
    auto& pools = configuration.dhcp6.subnets[0].prefix_pools;
    pools.push_back({*parse_ipv6_prefix("2001:db8:200::/47"), 48, {}});
    pools.push_back({*parse_ipv6_prefix("2001:db8:300::/63"), 64, {}});
    Engine6 engine{configuration};
    std::vector<std::string> lengths;
    for (int client = 1; client <= 5; ++client) {
        const auto outcome =
            engine.send(Message6{Message6::kRequest, client}.pd(1, {"::/64"}), client);
        const std::string lease = outcome.reply->pd(1).lease();
        lengths.push_back(lease.substr(lease.find('/')));
    }
    EXPECT_THAT(lengths, ElementsAre("/64", "/64", "/56", "/56", "/56"));
}

TEST(Decide6Test, PrefixPoolsOfSharedNetworksAreAllSearched) {
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets[0].shared_network = "lan";
    auto& second = configuration.dhcp6.subnets.emplace_back();
    second.prefix = *parse_ipv6_prefix("2001:db8:2::/64");
    second.interface = "eth1";
    second.shared_network = "lan";
    second.pools.push_back({*parse_ipv6("2001:db8:2::10"), *parse_ipv6("2001:db8:2::11")});
    second.lifetimes = model::Lifetimes{100, 200};
    second.options.push_back(option_value6(23, Bytes(16)));
    Engine6 engine{configuration};
    std::set<std::string> addresses;
    for (int client = 1; client <= 18; ++client) {
        addresses.insert(engine.get_address(client));
    }
    EXPECT_EQ(addresses.size(), 18u);
    EXPECT_TRUE(addresses.contains("2001:db8:2::10") && addresses.contains("2001:db8:2::11"));
    // Lifetimes and options are those of the subnet that the address is from.
    const int last = 18;
    const auto again = engine.send(Message6{Message6::kRenew, last}.xid(9).na(1).oro({23}), last);
    EXPECT_THAT(again.reply->na(1).leases,
                ElementsAre(ReplyLease{again.reply->na(1).lease(), 100, 200}));
    EXPECT_TRUE(again.reply->has(23));
    EXPECT_FALSE(engine.send(Message6{Message6::kRenew}.xid(9).na(1).oro({23})).reply->has(23));
}

// == Rapid commit ==

TEST(Decide6Test, RapidCommitNeedsBothSides) {
    RecordProperty("rfc", "8415 18.3.1");
    for (const bool server : {false, true}) {
        for (const bool client : {false, true}) {
            auto configuration = small_configuration6();
            configuration.dhcp6.rapid_commit = server;
            Engine6 engine{configuration};
            Message6 solicit{Message6::kSolicit};
            solicit.na(1);
            if (client) {
                solicit.option(14);
            }
            const auto outcome = engine.send(solicit);
            const bool commits = server && client;
            EXPECT_EQ(outcome.reply->type(), commits ? 7 : 2);
            EXPECT_EQ(outcome.reply->has(14), commits);
            EXPECT_EQ(engine.held(lease::HeldCount::kLeased), commits ? 1u : 0u);
            EXPECT_EQ(outcome.reply->decision.promised_count, commits ? 1u : 0u);
        }
    }
}

TEST(Decide6Test, RapidCommitOfNothingIsAnAdvertise) {
    auto configuration = small_configuration6();
    configuration.dhcp6.rapid_commit = true;
    Engine6 engine{configuration};
    fill_pool(engine);
    const auto outcome = engine.send(Message6{Message6::kSolicit}.option(14).na(1));
    EXPECT_EQ(outcome.reply->type(), 2);
    EXPECT_FALSE(outcome.reply->has(14));
    EXPECT_EQ(outcome.reply->na(1).status, kNoAddrsAvail);
}

// == REQUEST (section 18.3.2) ==

TEST(Decide6Test, ARequestGrantsWhatWasAdvertised) {
    RecordProperty("rfc", "8415 18.3.2");
    Engine6 engine;
    const auto offer = engine.send(Message6{Message6::kSolicit}.na(1).pd(1));
    const std::string address = offer.reply->na(1).lease();
    const std::string prefix = offer.reply->pd(1).lease();
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1, {address}).pd(1, {prefix}));
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->type(), 7);
    EXPECT_EQ(outcome.reply->na(1).lease(), address);
    EXPECT_EQ(outcome.reply->pd(1).lease(), prefix);
    EXPECT_EQ(outcome.reply->decision.promised_count, 2u);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
    EXPECT_EQ(engine.record(address).expiry.value, 1000u + 7200 + kLeaseSlack);
    EXPECT_EQ(engine.record(address).mac, testing::mac(1));
}

TEST(Decide6Test, ARequestAfterTheOfferWasLostIsGrantedIfTheAddressIsFree) {
    Engine6 engine;
    EXPECT_EQ(engine.request(1, 1, "2001:db8:1::1003"), "2001:db8:1::1003");
    EXPECT_NE(engine.request(2, 1, "2001:db8:1::1003"), "2001:db8:1::1003");  // another one
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
}

TEST(Decide6Test, ARequestForAnAddressOfAnotherLinkIsNotOnLink) {
    RecordProperty("rfc", "8415 18.3.2");
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1, {"2001:db8:9::1"}).pd(1));
    EXPECT_EQ(outcome.reply->na(1).status, kNotOnLink);
    EXPECT_THAT(outcome.reply->na(1).leases, IsEmpty());
    EXPECT_NE(outcome.reply->pd(1).lease(), "");  // of the IAs each for itself
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
}

TEST(Decide6Test, NotOnLinkEndsNoLease) {
    Engine6 engine;
    const std::string address = engine.get_address(1);
    ASSERT_TRUE(engine.send(Message6{Message6::kRequest}.xid(5).na(1, {"2001:db8:9::1"})).reply);
    EXPECT_EQ(engine.record(address).state, lease::LeaseState::kLeased);
}

TEST(Decide6Test, ARequestWithoutAFreeUnitSaysSoInEachIa) {
    RecordProperty("rfc", "8415 18.3.2");
    Engine6 engine;
    fill_pool(engine);
    fill_prefixes(engine, 200);
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1).pd(1));
    EXPECT_EQ(outcome.reply->type(), 7);
    EXPECT_EQ(outcome.reply->na(1).status, kNoAddrsAvail);
    EXPECT_EQ(outcome.reply->pd(1).status, kNoPrefixAvail);
    EXPECT_EQ(outcome.reply->decision.promised_count, 0u);
}

TEST(Decide6Test, ARequestForWhatIsLeasedAlreadySendsTheBindingAgain) {
    RecordProperty("rfc", "8415 18.3.2");
    Engine6 engine;
    const std::string address = engine.get_address(1);
    engine.pass(1000);
    EXPECT_EQ(engine.request(1, 1, address), address);
    EXPECT_EQ(engine.record(address).expiry.value, 2000u + 7200 + kLeaseSlack);
    EXPECT_EQ(engine.request(1, 1, "2001:db8:1::100e") == address || address == "2001:db8:1::100e",
              true);  // one address per IA
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
}

TEST(Decide6Test, SeveralIasAreServedInOneMessage) {
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1).na(2).pd(1).pd(2).na(3));
    std::set<std::string> leases;
    for (const std::uint32_t iaid : {1u, 2u, 3u}) {
        leases.insert(outcome.reply->na(iaid).lease());
    }
    leases.insert(outcome.reply->pd(1).lease());
    leases.insert(outcome.reply->pd(2).lease());
    EXPECT_EQ(leases.size(), 5u);
    EXPECT_EQ(outcome.reply->decision.promised_count, 5u);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 5u);
}

TEST(Decide6Test, AnIaThatComesTwiceIsOne) {
    RecordProperty("rfc", "8415 21.4");
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1).na(1).na(1));
    EXPECT_NE(outcome.reply->na(1).lease(), "");  // na() accepts one IA of this name only
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 1u);
}

TEST(Decide6Test, AddressesAndPrefixesOfOneIaidAreTwoBindings) {
    RecordProperty("rfc", "8415 21.21");
    Engine6 engine;
    ASSERT_TRUE(engine.send(Message6{Message6::kRequest}.na(9).pd(9)).reply);
    const auto outcome = engine.send(Message6{Message6::kRelease}.na(9, {"2001:db8:1::1"}));
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);  // not what it has
    ASSERT_TRUE(outcome.reply);
}

TEST(Decide6Test, TemporaryAddressesAreIgnored) {
    RecordProperty("rfc", "9915 21.5");
    Engine6 engine;
    const auto outcome = engine.send(
        Message6{Message6::kSolicit}.raw(testing::option6(4, testing::number32(5))).na(1));
    EXPECT_FALSE(outcome.reply->has(4));
    EXPECT_NE(outcome.reply->na(1).lease(), "");
}

TEST(Decide6Test, IasBeyondTheLimitAreAnsweredAsIfNothingWereFree) {
    auto configuration = small_configuration6();
    configuration.dhcp6.subnets[0].pools[0].last = *parse_ipv6("2001:db8:1::1fff");
    Engine6 engine{configuration};
    Message6 request{Message6::kRequest};
    for (std::uint32_t iaid = 1; iaid <= 16; ++iaid) {
        request.na(iaid);
    }
    request.na(17).pd(18);
    const auto outcome = engine.send(request);
    ASSERT_TRUE(outcome.reply) << outcome.why();
    EXPECT_EQ(outcome.reply->decision.promised_count, kMaxUnitsPerMessage);
    EXPECT_NE(outcome.reply->na(16).lease(), "");
    EXPECT_EQ(outcome.reply->na(17).status, kNoAddrsAvail);
    EXPECT_EQ(outcome.reply->pd(18).status, kNoPrefixAvail);
}

TEST(Decide6Test, TheTimesOfAllIasAreTheSame) {
    RecordProperty("rfc", "8415 18.3.2");
    auto configuration = small_configuration6();
    configuration.dhcp6.lifetimes = {1000, 4000};
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1).pd(1));
    EXPECT_EQ(outcome.reply->na(1).t1, 500u);
    EXPECT_EQ(outcome.reply->na(1).t2, 800u);
    EXPECT_EQ(outcome.reply->pd(1).t1, 500u);
    EXPECT_EQ(outcome.reply->pd(1).t2, 800u);
}

TEST(Decide6Test, InfiniteLifetimesHaveInfiniteTimes) {
    RecordProperty("rfc", "8415 21.4");
    auto configuration = small_configuration6();
    configuration.dhcp6.lifetimes = {0xffffffff, 0xffffffff};
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6{Message6::kRequest}.na(1));
    EXPECT_EQ(outcome.reply->na(1).t1, 0xffffffffu);
    EXPECT_EQ(outcome.reply->na(1).t2, 0xffffffffu);
    EXPECT_EQ(outcome.reply->na(1).leases[0].valid, 0xffffffffu);
    EXPECT_TRUE(engine.record(outcome.reply->na(1).lease()).expiry.is_never());
}

TEST(Decide6Test, ARetransmittedRequestGetsTheSameReplyAndChangesNothing) {
    RecordProperty("rfc", "8415 18.3.2");
    Engine6 engine;
    const Message6 request = Message6{Message6::kRequest}.na(1).pd(1);
    const auto first = engine.send(request);
    const std::string address = first.reply->na(1).lease();
    const std::uint32_t version = engine.record(address).version;
    engine.pass(60);
    const auto second = engine.send(request);
    EXPECT_EQ(first.reply->bytes, second.reply->bytes);
    EXPECT_EQ(engine.record(address).version, version);
    EXPECT_EQ(second.reply->decision.promised_count, 2u);  // it waits for the same record
    EXPECT_FALSE(second.reply->decision.promised[0].must_write);
    engine.pass(10);
    const auto third = engine.send(request);
    EXPECT_GT(engine.record(address).version, version);
}

TEST(Decide6Test, AnotherMessageWithTheSameTransactionIsNoRetransmission) {
    Engine6 engine;
    const auto first = engine.send(Message6{Message6::kRequest}.na(1));
    const std::string address = first.reply->na(1).lease();
    const std::uint32_t version = engine.record(address).version;
    ASSERT_TRUE(engine.send(Message6{Message6::kRenew}.na(1, {address})).reply);
    EXPECT_GT(engine.record(address).version, version);
}

TEST(Decide6Test, AFormerClientGetsItsAddressAndPrefixBack) {
    Engine6 engine;
    const std::string address = engine.get_address(1);
    const std::string prefix = engine.get_prefix(1);
    engine.get_address(2);
    engine.pass(7200 + kLeaseSlack + 1);
    ASSERT_EQ(engine.held(lease::HeldCount::kLeased), 0u);
    const auto outcome = engine.send(Message6{Message6::kSolicit}.na(1).pd(1));
    EXPECT_EQ(outcome.reply->na(1).lease(), address);
    EXPECT_EQ(outcome.reply->pd(1).lease(), prefix);
}

TEST(Decide6Test, UnitsAreNotLetInTheirOrder) {
    RecordProperty("rfc", "7824 4.3");
    Engine6 engine;
    std::vector<std::string> order;
    for (int client = 1; client <= 16; ++client) {
        order.push_back(engine.get_address(client));
    }
    EXPECT_FALSE(std::ranges::is_sorted(order));
    EXPECT_EQ(std::set(order.begin(), order.end()).size(), 16u);
}

// == CONFIRM (section 18.3.3) ==

TEST(Decide6Test, ConfirmLooksAtTheLinkOnly) {
    RecordProperty("rfc", "8415 18.3.3");
    Engine6 engine;
    const auto status = [&engine](const Message6& message) {
        const auto outcome = engine.send(message);
        EXPECT_TRUE(!outcome.reply || outcome.reply->type() == 7);
        return outcome.reply ? std::to_string(outcome.reply->status()) : outcome.why();
    };
    EXPECT_EQ(status(Message6{Message6::kConfirm}.na(1, {"2001:db8:1::77"})), "0");
    EXPECT_EQ(status(Message6{Message6::kConfirm}.na(1, {"2001:db8:1::77", "2001:db8:9::1"})), "4");
    EXPECT_EQ(status(Message6{Message6::kConfirm}.na(1, {"2001:db8:1::77"}).na(2, {"fe80::1"})),
              "4");
    EXPECT_EQ(status(Message6{Message6::kConfirm}.na(1)), "engine6.nothing-to-confirm");
    EXPECT_EQ(status(Message6{Message6::kConfirm}), "engine6.nothing-to-confirm");
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered) + engine.held(lease::HeldCount::kLeased), 0u);
}

TEST(Decide6Test, ConfirmIsAnsweredWithoutIas) {
    Engine6 engine;
    const auto outcome = engine.send(Message6{Message6::kConfirm}.na(1, {"2001:db8:1::77"}));
    EXPECT_THAT(outcome.reply->order(), ElementsAre(1, 2, 13));
}

// == RELEASE and DECLINE (sections 18.3.7 and 18.3.8) ==

TEST(Decide6Test, ReleaseEndsTheLeasesAndSaysSuccess) {
    RecordProperty("rfc", "8415 18.3.7");
    Engine6 engine;
    const auto granted = engine.send(Message6{Message6::kRequest}.na(1).pd(1));
    const auto outcome = engine.send(Message6{Message6::kRelease}
                                         .na(1, {granted.reply->na(1).lease()})
                                         .pd(1, {granted.reply->pd(1).lease()}));
    EXPECT_EQ(outcome.reply->status(), 0);
    EXPECT_THAT(outcome.reply->order(), ElementsAre(1, 2, 13));
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 0u);
}

TEST(Decide6Test, ReleaseOfWhatIsNotTheClientsIsIgnored) {
    RecordProperty("rfc", "8415 18.3.7");
    Engine6 engine;
    const std::string mine = engine.get_address(1);
    const std::string others = engine.get_address(2);
    const auto outcome =
        engine.send(Message6{Message6::kRelease}.na(1, {others, "2001:db8:9::9"}).na(5, {mine}));
    EXPECT_EQ(outcome.reply->status(), 0);
    EXPECT_FALSE(outcome.reply->ia(3, 1));
    EXPECT_EQ(outcome.reply->na(5).status, kNoBinding);
    EXPECT_THAT(outcome.reply->na(5).leases, IsEmpty());
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
}

TEST(Decide6Test, DeclinePutsTheAddressIntoQuarantine) {
    RecordProperty("rfc", "8415 18.3.8");
    Engine6 engine;
    const std::string address = engine.get_address(1);
    const auto outcome = engine.send(Message6{Message6::kDecline}.na(1, {address}));
    EXPECT_EQ(outcome.reply->status(), 0);
    EXPECT_EQ(engine.record(address).state, lease::LeaseState::kDeclined);
    EXPECT_EQ(engine.record(address).expiry.value, 1000u + 86400);
    EXPECT_NE(engine.get_address(1), address);
    const auto again = engine.send(Message6{Message6::kDecline, 3}.na(1, {address}), 3);
    EXPECT_EQ(again.reply->na(1).status, kNoBinding);
}

TEST(Decide6Test, DeclineOfAnOfferCostsNoAddress) {
    Engine6 engine;
    const auto offer = engine.send(Message6{Message6::kSolicit}.na(1));
    engine.send(Message6{Message6::kDecline}.na(1, {offer.reply->na(1).lease()}));
    EXPECT_EQ(engine.held(lease::HeldCount::kDeclined), 0u);
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 0u);
}

TEST(Decide6Test, DeclineOfAPrefixOrOfSomebodyElsesAddressDoesNothing) {
    Engine6 engine;
    const std::string prefix = engine.get_prefix(1);
    const std::string address = engine.get_address(2);
    const auto outcome = engine.send(Message6{Message6::kDecline}.pd(1, {prefix}).na(1, {address}));
    EXPECT_EQ(outcome.reply->status(), 0);
    EXPECT_EQ(engine.held(lease::HeldCount::kDeclined), 0u);
    EXPECT_EQ(engine.held(lease::HeldCount::kLeased), 2u);
}

// == INFORMATION-REQUEST (section 18.3.6) ==

TEST(Decide6Test, InformationRequestGetsOptionsAndNoLease) {
    RecordProperty("rfc", "8415 18.3.6");
    auto configuration = small_configuration6();
    configuration.dhcp6.options.push_back(option_value6(23, Bytes(16)));
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6{Message6::kInformationRequest}.oro({32, 23}));
    EXPECT_EQ(outcome.reply->type(), 7);
    EXPECT_THAT(outcome.reply->order(), ElementsAre(1, 2, 32, 23));
    EXPECT_EQ(outcome.reply->option(32), testing::number32(86400));
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered), 0u);
}

TEST(Decide6Test, InformationRequestNeedsNoClientIdentifier) {
    RecordProperty("rfc", "8415 18.3.6");
    auto configuration = small_configuration6();
    configuration.dhcp6.options.push_back(option_value6(23, Bytes(16)));
    Engine6 engine{configuration};
    const auto outcome = engine.send(Message6::empty(Message6::kInformationRequest).oro({23}));
    EXPECT_THAT(outcome.reply->order(), ElementsAre(2, 23));
}

TEST(Decide6Test, TheRefreshTimeIsForInformationRequestsOnly) {
    RecordProperty("rfc", "8415 21.23");
    auto configuration = small_configuration6();
    configuration.dhcp6.information_refresh_time = 700;
    Engine6 engine{configuration};
    EXPECT_FALSE(engine.send(Message6{Message6::kSolicit}.na(1).oro({32})).reply->has(32));
    EXPECT_EQ(engine.send(Message6{Message6::kInformationRequest}.oro({32})).reply->option(32),
              testing::number32(700));
    EXPECT_FALSE(engine.send(Message6{Message6::kInformationRequest}.oro({23})).reply->has(32));
}

// == Limits ==

TEST(Decide6Test, OffersThatOneWayMayHoldLeaveAQuarterForOthers) {
    Engine6 engine;
    int offers = 0;
    for (int client = 1; client <= 20; ++client) {
        const auto outcome = engine.send(Message6{Message6::kSolicit, client}.na(1), client);
        offers += outcome.reply ? 1 : 0;
        if (!outcome.reply) {
            EXPECT_EQ(outcome.why(), "engine6.offer-limit");
        }
    }
    EXPECT_EQ(offers, 12);
    EXPECT_NE(engine.request(30, 1, "2001:db8:1::1000"), "");  // who asks is served
}

// Pools of IPv6 have more units than clients are allowed, as a rule.
TEST(Decide6Test, OffersThatOneWayMayHoldLeaveAQuarterOfTheClientTable) {
    Engine6 engine{small_configuration6(), 8};
    int offers = 0;
    for (int client = 1; client <= 20; ++client) {
        const auto outcome = engine.send(Message6{Message6::kSolicit, client}.na(1), client);
        offers += outcome.reply ? 1 : 0;
        if (!outcome.reply) {
            EXPECT_EQ(outcome.why(), "engine6.offer-limit");
        }
    }
    EXPECT_EQ(offers, 6);
    EXPECT_NE(engine.request(30, 1, "2001:db8:1::1000"), "");  // who asks is served
}

TEST(Decide6Test, TheConfiguredLimitOfOffersHolds) {
    auto configuration = small_configuration6();
    configuration.dhcp6.max_offers_per_relay = 3;
    Engine6 engine{configuration};
    int offers = 0;
    for (int client = 1; client <= 5; ++client) {
        offers += engine.send(Message6{Message6::kSolicit, client}.na(1), client).reply ? 1 : 0;
    }
    EXPECT_EQ(offers, 3);
}

TEST(Decide6Test, AFullTableRefusesNewClientsAndKeepsTheOthers) {
    Engine6 engine{small_configuration6(), 2};
    const std::string address = engine.get_address(1);
    engine.get_address(2);
    EXPECT_EQ(engine.send(Message6{Message6::kSolicit, 3}.na(1), 3).why(),
              "engine.client-table-full");
    EXPECT_EQ(engine.send(Message6{Message6::kRequest, 3}.na(1), 3).why(),
              "engine.client-table-full");
    const auto renewed = engine.send(Message6{Message6::kRenew}.na(1, {address}).pd(1));
    EXPECT_EQ(renewed.reply->na(1).lease(), address);
    EXPECT_EQ(renewed.reply->pd(1).status, kNoPrefixAvail);
}

TEST(Decide6Test, AReplyThatDoesNotFitGrantsNothing) {
    Engine6 engine;
    engine.tx_len = 150;
    EXPECT_EQ(engine.send(Message6{Message6::kRequest}.na(1).pd(1)).why(),
              "engine6.reply-too-long");
    EXPECT_EQ(engine.send(Message6{Message6::kSolicit}.na(1).pd(1)).why(),
              "engine6.reply-too-long");
    EXPECT_EQ(engine.held(lease::HeldCount::kOffered) + engine.held(lease::HeldCount::kLeased), 0u);
    EXPECT_EQ(engine.shard.check_invariants(), "");
}

}  // namespace
}  // namespace xdhcpd::engine::v6
