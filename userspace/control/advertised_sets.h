// AdvertisedSets: what Router Advertisements said on each link, so that what is not said any more
// can be taken back. Hosts keep a prefix, route or server for its lifetime: one that was removed by
// a reload, while the server was down or before a crash is advertised with lifetimes of zero until
// the time has passed for which any host may still use it (RFC 9096 section 3.5; prefixes: at most
// two hours, RFC 4862 section 5.5.3).
//
// The sets are kept in the file `advertised` of the state directory, written before anything else
// is advertised, and only when they change. Lines of text, then their checksum:
//
//   xdhcpd advertised 1
//   prefix eth1 0.0 2001:db8:1::/64 on-link,autonomous 86400 0 0
//   route eth1 100.200 2001:db8:9::/48 medium 1800 0 1800001800
//   server eth1 0.0 2001:db8::53 - 1800 0 0
//   search eth1 0.0 example.org - 1800 0 0
//
// Interface, VLAN, what, how; then the lifetime in seconds, the instant when it ends by itself (0:
// none), and the instant until when it is taken back (0: it is advertised), both in Unix seconds.
//
// Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "journal/file_layer.h"
#include "model/configuration.h"
#include "model/snapshot.h"

namespace xdhcpd::control {

// One thing that hosts were told.
struct AdvertisedItem {
    enum class Kind : std::uint8_t { kPrefix, kRoute, kServer, kSearch };

    Kind kind = Kind::kPrefix;
    std::string interface;
    model::VlanIds vlan;
    Ipv6Prefix prefix;  // kServer: the address, length 128; kSearch: none
    std::string name;   // kSearch
    bool on_link = false;
    bool autonomous = false;
    nd::Preference preference = nd::Preference::kMedium;  // kRoute
    std::uint32_t lifetime = 0;                           // seconds
    std::uint64_t until = 0;                              // Unix seconds; 0: none
    std::uint64_t ends_at = 0;                            // Unix seconds; 0: it is advertised

    bool operator==(const AdvertisedItem&) const = default;
    // Whether both are the same thing, whatever hosts were told about it.
    [[nodiscard]] bool is_same(const AdvertisedItem& other) const noexcept {
        return kind == other.kind && interface == other.interface && vlan == other.vlan &&
               prefix == other.prefix && name == other.name;
    }
};

[[nodiscard]] std::string encode_advertised(const std::vector<AdvertisedItem>& items);
// Nothing if it is not what encode_advertised() writes.
[[nodiscard]] std::optional<std::vector<AdvertisedItem>> decode_advertised(std::string_view text);

class AdvertisedSets {
  public:
    // Prefixes are taken back no longer than this (RFC 4862 section 5.5.3 item e), and other things
    // no longer than that.
    static constexpr std::uint32_t kMaxPrefixTime = 7200;
    static constexpr std::uint32_t kMaxOtherTime = 86400;

    // Kept in memory only: what a restart takes away is not taken back.
    AdvertisedSets() = default;

    // Reads the file of `directory` and keeps the sets there; `files` outlives this. A missing file
    // is an empty one. A damaged one is told by problem(), and counts as empty: it holds nothing
    // that cannot be made again.
    [[nodiscard]] Result<Success, Error> open(journal::FileLayer& files, std::string directory);
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

    // What `configuration` advertises at `unix_time`, and what it does not any more, which is added
    // to the withdrawn parts of `snapshot`. A link that is not advertised on any more gets an
    // advertisement with a router lifetime of zero, as long as its interface is served. To be
    // called for every snapshot, before it is published; returns what to log.
    struct Amended {
        std::vector<std::string> news;  // what is taken back from now on, a line each
        // The sets could not be stored, which the next call tries again. The snapshot is complete
        // all the same.
        std::optional<Error> problem;
    };
    [[nodiscard]] Amended amend(const model::Configuration& configuration,
                                model::Snapshot& snapshot, std::uint64_t unix_time);
    // When amend() would take something out again; none: nothing is taken back.
    [[nodiscard]] std::optional<std::uint64_t> next_end() const noexcept;

    [[nodiscard]] const std::vector<AdvertisedItem>& items() const noexcept { return items_; }

  private:
    [[nodiscard]] Result<Success, Error> store();

    journal::FileLayer* files_ = nullptr;
    std::string directory_;
    std::string problem_;
    std::vector<AdvertisedItem> items_;
    std::string stored_;  // what the file holds; empty: nothing
};

}  // namespace xdhcpd::control
