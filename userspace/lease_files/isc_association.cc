#include "lease_files/isc_association.h"

#include <algorithm>
#include <array>

#include "lease_files/isc_text.h"
#include "lease_files/text.h"

namespace xdhcpd::lease_files {
namespace {

constexpr std::size_t kIaidLen = 4;
constexpr std::uint64_t kMaxLifetime = 0xffffffff;
constexpr std::uint32_t kUsualLifetime = 3600;  // where nothing says how long it was

[[nodiscard]] std::uint32_t read_iaid(ByteView bytes, bool is_big_endian) noexcept {
    std::uint32_t iaid = 0;
    for (std::size_t i = 0; i < kIaidLen; ++i) {
        const std::size_t at = is_big_endian ? i : kIaidLen - 1 - i;
        iaid = iaid << 8 | std::to_integer<std::uint32_t>(bytes[at]);
    }
    return iaid;
}

}  // namespace

bool IscAssociation::is_head(Tokens head) noexcept {
    return head[0].is("ia-na") || head[0].is("ia-pd") || head[0].is("ia-ta");
}

void IscAssociation::begin(Tokens head, std::uint64_t line) {
    is_usable_ = false;
    in_lease_ = false;
    is_broken_ = false;
    cltt_.reset();
    if (head[0].is("ia-ta")) {
        receiver_.on_temporary({line, head[0].column}, "'ia-ta' is about temporary addresses");
        return;
    }
    const auto bytes = head.size() == 2 ? isc_bytes(head[1]) : std::nullopt;
    if (!bytes || bytes->size() < kIaidLen + Dhcp6Lease::kMinDuidLen ||
        bytes->size() > kIaidLen + Dhcp6Lease::kMaxDuidLen) {
        fail(head[0], line, "'" + head[0].text + " \"...\" {' with an IAID and a DUID was meant");
        return;
    }
    is_usable_ = true;
    is_prefix_ = head[0].is("ia-pd");
    iaid_ = read_iaid(*bytes, is_big_endian_);
    duid_.assign(bytes->begin() + kIaidLen, bytes->end());
}

void IscAssociation::open(Tokens head, std::size_t depth, std::uint64_t line) {
    if (depth != 2 || !is_usable_ || head.empty()) {
        return;
    }
    in_lease_ = false;
    if (!head[0].is("iaaddr") && !head[0].is("iaprefix")) {
        return;
    }
    Entry lease;
    if (head.size() != 2 || head[0].is("iaprefix") != is_prefix_ ||
        !set_name(lease, head[1].text) || !lease.dhcp6 || lease.dhcp6->is_prefix != is_prefix_) {
        fail(head[0], line,
             is_prefix_ ? "'iaprefix 2001:db8:8000:100::/56 {' was meant"
                        : "'iaaddr 2001:db8::10 {' was meant");
        return;
    }
    lease.dhcp6->duid = duid_;
    lease.dhcp6->iaid = iaid_;
    lease_ = std::move(lease);
    lease_place_ = {line, head[0].column};
    in_lease_ = true;
    is_broken_ = false;
    has_end_ = false;
}

void IscAssociation::statement(Tokens words, std::size_t depth, std::uint64_t line) {
    if (depth == 1 && is_usable_ && words[0].is("cltt")) {
        const auto time = isc_time(words);
        if (!time) {
            fail(words[0], line, "'cltt WEEKDAY YYYY/MM/DD HH:MM:SS' was meant");
            return;
        }
        cltt_ = time->at;
    } else if (depth == 2 && in_lease_) {
        read_statement(words, line);
    }
}

void IscAssociation::read_statement(Tokens words, std::uint64_t line) {
    const Token& head = words[0];
    if (head.is("ends")) {
        const auto time = isc_time(words);
        if (!time) {
            return fail(head, line,
                        "'ends WEEKDAY YYYY/MM/DD HH:MM:SS', 'ends epoch SECONDS' or 'ends never' "
                        "was meant");
        }
        has_end_ = true;
        lease_.expires = time->at;
    } else if (head.is("preferred-life")) {
        const auto seconds =
            words.size() == 2 ? parse_number(words[1].text, kMaxLifetime) : std::nullopt;
        if (!seconds) {
            return fail(head, line, "'preferred-life SECONDS' was meant");
        }
        lease_.dhcp6->preferred = static_cast<std::uint32_t>(*seconds);
    } else if (head.is("binding") && words.size() == 3) {
        constexpr std::array<std::string_view, 3> kEnded{"free", "expired", "released"};
        const Token& state = words[2];
        const bool is_ended = std::any_of(kEnded.begin(), kEnded.end(),
                                          [&](std::string_view each) { return state.is(each); });
        if (!is_ended && !state.is("active") && !state.is("abandoned")) {
            return fail(
                state, line,
                "active, free, expired, released or abandoned was meant, not " + quote(state.text));
        }
        lease_.state = is_ended             ? EntryState::kEnded
                       : state.is("active") ? EntryState::kLeased
                                            : EntryState::kDeclined;
    }
    // "max-life" is what lies between cltt and ends; "set ..." says nothing about who has what.
}

void IscAssociation::close(std::size_t depth) {
    if (depth != 2 || !in_lease_) {
        return;
    }
    in_lease_ = false;
    if (is_broken_) {
        return;
    }
    if (lease_.state == EntryState::kLeased && !has_end_) {
        receiver_.on_error(lease_place_, "the lease has no 'ends'");
        return;
    }
    lease_.started = cltt_;
    if (lease_.state == EntryState::kDeclined) {  // nobody's
        lease_.dhcp6->duid.clear();
        lease_.dhcp6->iaid = 0;
    }
    if (const std::string wrong = check(lease_); !wrong.empty()) {
        receiver_.on_error(lease_place_, wrong);
        return;
    }
    receiver_.on_entry(lease_, lease_place_);
}

void IscAssociation::fail(const Token& token, std::uint64_t line, const std::string& text) {
    receiver_.on_error({line, token.column}, text);
    is_broken_ = true;
}

bool append_isc_association(const Entry& entry, std::string& out) {
    const Dhcp6Lease& lease = *entry.dhcp6;
    // One that is declined is kept with some association; which one does not count.
    constexpr std::array<std::byte, Dhcp6Lease::kMinDuidLen> kNobody{};
    const bool is_leased = entry.state == EntryState::kLeased;
    if (is_leased && lease.duid.empty()) {
        return false;
    }
    std::vector<std::byte> name(kIaidLen);
    for (std::size_t i = 0; i < kIaidLen; ++i) {  // little-endian, as the file says
        name[i] = static_cast<std::byte>(lease.iaid >> (8 * i) & 0xff);
    }
    const ByteView duid = lease.duid.empty() ? ByteView{kNobody} : ByteView{lease.duid};
    name.insert(name.end(), duid.begin(), duid.end());
    out += lease.is_prefix ? "ia-pd " : "ia-na ";
    append_isc_string(name, out);
    out += " {\n";
    if (entry.started) {
        append_isc_time("cltt", entry.started, out);
    }
    std::uint64_t valid = kUsualLifetime;
    if (!entry.expires) {
        valid = Dhcp6Lease::kInfinite;
    } else if (entry.started) {
        valid = static_cast<std::uint64_t>(
            std::clamp<std::int64_t>(*entry.expires - *entry.started, 0, kMaxLifetime - 1));
    }
    const std::uint64_t preferred =
        std::min<std::uint64_t>(lease.preferred.value_or(static_cast<std::uint32_t>(valid)), valid);
    out += (lease.is_prefix ? "  iaprefix " : "  iaaddr ") + name_of(entry) + " {\n";
    out += is_leased ? "    binding state active;\n" : "    binding state abandoned;\n";
    out += "    preferred-life " + std::to_string(preferred) + ";\n";
    out += "    max-life " + std::to_string(valid) + ";\n";
    out += "  ";
    append_isc_time("ends", entry.expires, out);
    out += "  }\n}\n\n";
    return true;
}

}  // namespace xdhcpd::lease_files
