#include "control/reconfigure_keyring.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "control/text.h"
#include "journal/codec/summed_text.h"
#include "journal/directory.h"
#include "journal/small_file.h"

namespace xdhcpd::control {
namespace {

constexpr std::string_view kHeading = "xdhcpd reconfigure 1\nsecret ";
constexpr std::string_view kCounter = "counter ";
constexpr std::size_t kMaxFileLen = 1024;

[[nodiscard]] std::uint64_t microseconds(BootTime time) noexcept {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

}  // namespace

std::string encode_reconfigure_file(const ReconfigureFile& content) {
    return journal::add_sum(std::string{kHeading} + to_hex(content.secret, 0) + "\n" +
                            std::string{kCounter} + std::to_string(content.counter) + "\n");
}

std::optional<ReconfigureFile> decode_reconfigure_file(std::string_view text) {
    const auto checked = journal::without_sum(text);
    if (!checked || !checked->starts_with(kHeading)) {
        return std::nullopt;
    }
    std::string_view left = checked->substr(kHeading.size());
    const std::size_t end = std::min(left.find('\n'), left.size());
    const auto secret = parse_hex_bytes(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    ReconfigureFile content;
    if (!secret || secret->size() != content.secret.size() || !left.starts_with(kCounter)) {
        return std::nullopt;
    }
    std::copy(secret->begin(), secret->end(), content.secret.begin());
    left.remove_prefix(kCounter.size());
    const auto read = std::from_chars(left.data(), left.data() + left.size(), content.counter);
    return read.ec == std::errc{} && std::string_view{read.ptr, left.end()} == "\n"
               ? std::optional{content}
               : std::nullopt;
}

// keys_.replay(now) is what the counter begins with; the sum may wrap, which does no harm.
void ReconfigureKeyring::open(const dhcp6::ReconfigureSecret& fresh, std::uint64_t unix_time,
                              BootTime now) {
    keys_.secret = fresh;
    keys_.replay_base = unix_time * 1'000'000 - microseconds(now);
}

Result<Success, Error> ReconfigureKeyring::open(journal::FileLayer& files, std::string directory,
                                                const dhcp6::ReconfigureSecret& fresh,
                                                std::uint64_t unix_time, BootTime now) {
    directory_ = std::move(directory);
    open(fresh, unix_time, now);
    const auto text =
        journal::load_small_file(files, directory_, journal::kReconfigureName, kMaxFileLen);
    if (!text) {
        return Unexpected{text.error()};  // what stands there may be whole: it is not replaced
    }
    files_ = &files;
    if (*text) {
        if (const auto content = decode_reconfigure_file(**text)) {
            keys_.secret = content->secret;
            keys_.replay_base = std::max(content->counter, keys_.replay(now)) - microseconds(now);
        } else {
            problem_ = journal::path_of(directory_, journal::kReconfigureName) +
                       " is damaged and made anew: clients believe no Reconfigure until they have "
                       "renewed their leases";
        }
    }
    return store(keys_.replay(now) + kAhead);
}

Result<Success, Error> ReconfigureKeyring::keep(BootTime now) {
    if (files_ == nullptr || keys_.replay(now) + kAhead / 2 <= stored_) {
        return Success{};
    }
    return store(keys_.replay(now) + kAhead);
}

Result<Success, Error> ReconfigureKeyring::store(std::uint64_t counter) {
    if (auto written =
            journal::replace_small_file(*files_, directory_, journal::kReconfigureName,
                                        encode_reconfigure_file({keys_.secret, counter}));
        !written) {
        return Unexpected{written.error()};
    }
    stored_ = counter;
    return Success{};
}

}  // namespace xdhcpd::control
