#include "control/advertised_sets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "journal/codec/summed_text.h"
#include "journal/directory.h"
#include "journal/small_file.h"

namespace xdhcpd::control {
namespace {

using Kind = AdvertisedItem::Kind;

constexpr std::string_view kHeading = "xdhcpd advertised 1\n";
constexpr std::size_t kMaxFileLen = std::size_t{16} << 20;
constexpr std::array<std::string_view, 4> kKindNames{"prefix", "route", "server", "search"};
constexpr std::uint8_t kAddressLength = 128;

// == Text

[[nodiscard]] std::string how(const AdvertisedItem& item) {
    switch (item.kind) {
        case Kind::kPrefix:
            return item.on_link && item.autonomous ? "on-link,autonomous"
                   : item.on_link                  ? "on-link"
                   : item.autonomous               ? "autonomous"
                                                   : "-";
        case Kind::kRoute:
            return item.preference == nd::Preference::kHigh  ? "high"
                   : item.preference == nd::Preference::kLow ? "low"
                                                             : "medium";
        default:
            return "-";
    }
}

[[nodiscard]] std::string what(const AdvertisedItem& item) {
    return item.kind == Kind::kSearch   ? item.name
           : item.kind == Kind::kServer ? to_string(item.prefix.address)
                                        : to_string(item.prefix);
}

// Takes the next word off the front of `line`; empty if there is none.
[[nodiscard]] std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t len = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, len);
    line.remove_prefix(std::min(len + 1, line.size()));
    return word;
}

template <typename Number>
[[nodiscard]] bool read_number(std::string_view text, Number& to) noexcept {
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, to);
    return read.ec == std::errc{} && read.ptr == end;
}

[[nodiscard]] bool read_vlan(std::string_view text, model::VlanIds& to) noexcept {
    const std::size_t dot = text.find('.');
    return dot != text.npos && read_number(text.substr(0, dot), to.outer) &&
           read_number(text.substr(dot + 1), to.inner);
}

[[nodiscard]] bool read_what(std::string_view text, AdvertisedItem& to) {
    if (to.kind == Kind::kSearch) {
        to.name = text;
        return !text.empty();
    }
    if (to.kind == Kind::kServer) {
        const auto address = parse_ipv6(text);
        to.prefix = {address.value_or(Ipv6{}), kAddressLength};
        return address.has_value();
    }
    const auto prefix = parse_ipv6_prefix(text);
    to.prefix = prefix.value_or(Ipv6Prefix{});
    return prefix.has_value();
}

[[nodiscard]] bool read_how(std::string_view text, AdvertisedItem& to) {
    to.on_link = to.kind == Kind::kPrefix && text.starts_with("on-link");
    to.autonomous = to.kind == Kind::kPrefix && text.ends_with("autonomous");
    if (to.kind == Kind::kRoute) {
        to.preference = text == "high"  ? nd::Preference::kHigh
                        : text == "low" ? nd::Preference::kLow
                                        : nd::Preference::kMedium;
    }
    return how(to) == text;
}

[[nodiscard]] std::optional<AdvertisedItem> read_item(std::string_view line) {
    AdvertisedItem item;
    const auto kind = std::find(kKindNames.begin(), kKindNames.end(), take_word(line));
    if (kind == kKindNames.end()) {
        return std::nullopt;
    }
    item.kind = static_cast<Kind>(kind - kKindNames.begin());
    item.interface = take_word(line);
    const bool is_whole = read_vlan(take_word(line), item.vlan) &&
                          read_what(take_word(line), item) && read_how(take_word(line), item) &&
                          read_number(take_word(line), item.lifetime) &&
                          read_number(take_word(line), item.until) &&
                          read_number(take_word(line), item.ends_at) && line.empty();
    return is_whole && !item.interface.empty() ? std::optional{std::move(item)} : std::nullopt;
}

// == Sets

// Where the words of the file would not hold it.
[[nodiscard]] bool is_word(std::string_view text) noexcept {
    return !text.empty() && text.find_first_of(" \n") == text.npos;
}

[[nodiscard]] model::VlanIds vlan_of(const model::AdvertisementConfiguration& link) noexcept {
    return link.vlan ? model::VlanIds{link.vlan->outer_first, link.vlan->inner_first}
                     : model::VlanIds{};
}

void add_link(std::vector<AdvertisedItem>& items, const model::AdvertisementConfiguration& link) {
    const std::uint32_t usual = 3 * link.max_interval;  // where none is configured
    const auto add = [&](Kind kind, const Ipv6Prefix& prefix, std::uint32_t lifetime) {
        AdvertisedItem& item = items.emplace_back();
        item.kind = kind;
        item.interface = link.interface;
        item.vlan = vlan_of(link);
        item.prefix = prefix;
        item.lifetime = lifetime;
        return &item;
    };
    for (const model::AdvertisedPrefixConfiguration& prefix : link.prefixes) {
        AdvertisedItem* const item = add(Kind::kPrefix, prefix.prefix, prefix.lifetimes.valid);
        item->on_link = prefix.on_link;
        item->autonomous = prefix.autonomous;
        item->until = prefix.until.value_or(0);
    }
    for (const model::AdvertisedRouteConfiguration& route : link.routes) {
        add(Kind::kRoute, route.prefix, route.lifetime.value_or(usual))->preference =
            route.preference;
    }
    for (const Ipv6& server : link.dns_servers) {
        add(Kind::kServer, {server, kAddressLength}, link.dns_lifetime.value_or(usual));
    }
    for (const std::string& name : link.dns_search) {
        if (is_word(name)) {
            add(Kind::kSearch, {}, link.dns_lifetime.value_or(usual))->name = name;
        }
    }
}

// For how long hosts may use it if they were told of it last at `now`.
[[nodiscard]] std::uint64_t end_of(const AdvertisedItem& item, std::uint64_t now) noexcept {
    const std::uint32_t most =
        item.kind == Kind::kPrefix ? AdvertisedSets::kMaxPrefixTime : AdvertisedSets::kMaxOtherTime;
    const std::uint64_t end = now + std::min(item.lifetime, most);
    return item.until == 0 ? end : std::min(end, item.until);
}

// The advertisement of this link; made, as one of no router, where there is none but its interface
// is served. Null: nothing can be said there.
[[nodiscard]] model::Advertisement* advertisement_of(model::Snapshot& snapshot,
                                                     const AdvertisedItem& item) {
    const auto ingresses = snapshot.ingresses();
    const auto ingress = std::find_if(ingresses.begin(), ingresses.end(), [&](const auto& each) {
        return each.interface.name == item.interface;
    });
    if (ingress == ingresses.end()) {
        return nullptr;
    }
    std::vector<model::Advertisement>& all = snapshot.ipv6.advertisements;
    const std::uint32_t ifindex = ingress->interface.ifindex;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) {
        return each.ifindex == ifindex && each.vlan == item.vlan;
    });
    if (found != all.end()) {
        return &*found;
    }
    model::Advertisement& made = all.emplace_back();
    made.ifindex = ifindex;
    made.vlan = item.vlan;
    made.configuration.interface = item.interface;
    if (item.vlan.tagged()) {
        made.configuration.vlan =
            model::VlanRange{item.vlan.outer, item.vlan.outer, item.vlan.inner, item.vlan.inner};
    }
    made.configuration.router_lifetime = 0;
    made.configuration.hop_limit = 0;  // says nothing (RFC 4861 section 4.2)
    return &made;
}

[[nodiscard]] std::string news_of(const AdvertisedItem& item, std::uint64_t seconds) {
    std::string link = item.interface;
    if (item.vlan.tagged()) {
        link += " vlan " + std::to_string(item.vlan.outer);
        link += item.vlan.inner != 0 ? "." + std::to_string(item.vlan.inner) : std::string{};
    }
    return "router advertisements on " + link + ": " +
           std::string{kKindNames[static_cast<std::size_t>(item.kind)]} + " " + what(item) +
           " is not advertised any more; it is taken back for " + std::to_string(seconds) + " s";
}

void withdraw(model::Advertisement& advertisement, const AdvertisedItem& item) {
    switch (item.kind) {
        case Kind::kPrefix: {
            model::AdvertisedPrefixConfiguration& prefix =
                advertisement.withdrawn_prefixes.emplace_back();
            prefix.prefix = item.prefix;
            prefix.on_link = item.on_link;
            prefix.autonomous = item.autonomous;
            prefix.lifetimes = {0, 0};
            return;
        }
        case Kind::kRoute:
            advertisement.withdrawn_routes.push_back({item.prefix, item.preference, 0});
            return;
        case Kind::kServer:
            advertisement.withdrawn_dns_servers.push_back(item.prefix.address);
            return;
        case Kind::kSearch:
            advertisement.withdrawn_dns_search.push_back(item.name);
    }
}

}  // namespace

std::string encode_advertised(const std::vector<AdvertisedItem>& items) {
    std::string text{kHeading};
    for (const AdvertisedItem& item : items) {
        text += std::string{kKindNames[static_cast<std::size_t>(item.kind)]} + " " +
                item.interface + " " + std::to_string(item.vlan.outer) + "." +
                std::to_string(item.vlan.inner) + " " + what(item) + " " + how(item) + " " +
                std::to_string(item.lifetime) + " " + std::to_string(item.until) + " " +
                std::to_string(item.ends_at) + "\n";
    }
    return journal::add_sum(std::move(text));
}

std::optional<std::vector<AdvertisedItem>> decode_advertised(std::string_view text) {
    const auto checked = journal::without_sum(text);
    if (!checked || !checked->starts_with(kHeading)) {
        return std::nullopt;
    }
    std::vector<AdvertisedItem> items;
    for (std::string_view left = checked->substr(kHeading.size()); !left.empty();) {
        const std::size_t end = left.find('\n');
        auto item = read_item(left.substr(0, end));
        if (!item || end == left.npos) {
            return std::nullopt;
        }
        items.push_back(std::move(*item));
        left.remove_prefix(end + 1);
    }
    return items;
}

Result<Success, Error> AdvertisedSets::open(journal::FileLayer& files, std::string directory) {
    files_ = &files;
    directory_ = std::move(directory);
    auto text = journal::load_small_file(files, directory_, journal::kAdvertisedName, kMaxFileLen);
    if (!text) {
        return Unexpected{text.error()};
    }
    if (!*text) {
        return Success{};
    }
    auto items = decode_advertised(**text);
    if (!items) {
        problem_ = journal::path_of(directory_, journal::kAdvertisedName) +
                   " is damaged and made anew: prefixes, routes and servers that were advertised "
                   "and are not any more are not taken back";
        return Success{};
    }
    items_ = std::move(*items);
    stored_ = std::move(**text);
    return Success{};
}

AdvertisedSets::Amended AdvertisedSets::amend(const model::Configuration& configuration,
                                              model::Snapshot& snapshot, std::uint64_t unix_time) {
    Amended amended;
    std::vector<AdvertisedItem> wanted;
    for (const model::AdvertisementConfiguration& link : configuration.router_advertisements) {
        add_link(wanted, link);
    }
    const std::size_t advertised_count = wanted.size();
    for (AdvertisedItem& old : items_) {
        const auto end = wanted.begin() + static_cast<std::ptrdiff_t>(advertised_count);
        if (std::any_of(wanted.begin(), end,
                        [&](const AdvertisedItem& item) { return item.is_same(old); })) {
            continue;
        }
        // Never later than it may be: the clock may have been ahead when that was written.
        const std::uint64_t latest = end_of(old, unix_time);
        const bool is_news = old.ends_at == 0;
        old.ends_at = is_news ? latest : std::min(old.ends_at, latest);
        if (old.ends_at > unix_time) {
            if (is_news) {
                amended.news.push_back(news_of(old, old.ends_at - unix_time));
            }
            wanted.push_back(std::move(old));
        }
    }
    items_ = std::move(wanted);
    for (std::size_t at = advertised_count; at < items_.size(); ++at) {
        if (model::Advertisement* const link = advertisement_of(snapshot, items_[at])) {
            withdraw(*link, items_[at]);
        }
    }
    if (auto stored = store(); !stored) {
        amended.problem = stored.error();
    }
    return amended;
}

std::optional<std::uint64_t> AdvertisedSets::next_end() const noexcept {
    std::optional<std::uint64_t> earliest;
    for (const AdvertisedItem& item : items_) {
        if (item.ends_at != 0 && (!earliest || item.ends_at < *earliest)) {
            earliest = item.ends_at;
        }
    }
    return earliest;
}

Result<Success, Error> AdvertisedSets::store() {
    std::string text = encode_advertised(items_);
    if (files_ == nullptr || text == stored_ || (items_.empty() && stored_.empty())) {
        return Success{};
    }
    if (auto written =
            journal::replace_small_file(*files_, directory_, journal::kAdvertisedName, text);
        !written) {
        return Unexpected{written.error()};
    }
    stored_ = std::move(text);
    return Success{};
}

}  // namespace xdhcpd::control
