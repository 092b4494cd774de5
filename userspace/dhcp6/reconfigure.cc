#include "dhcp6/reconfigure.h"

#include <nettle/hmac.h>

#include "dhcp6/writer.h"

namespace xdhcpd::dhcp6 {
namespace {

constexpr std::uint8_t kProtocol = 3;   // Reconfigure Key (RFC 8415 section 20.4)
constexpr std::uint8_t kAlgorithm = 1;  // HMAC-MD5
constexpr std::uint8_t kReplayMethod = 0;
constexpr std::uint8_t kTypeKey = 1;
constexpr std::uint8_t kTypeDigest = 2;
constexpr std::size_t kReplayAt = 3;
constexpr std::size_t kTypeAt = 11;
constexpr std::size_t kValueAt = 12;

[[nodiscard]] const std::uint8_t* octets(const std::byte* bytes) noexcept {
    return reinterpret_cast<const std::uint8_t*>(bytes);
}
[[nodiscard]] std::uint8_t* octets(std::byte* bytes) noexcept {
    return reinterpret_cast<std::uint8_t*>(bytes);
}

[[nodiscard]] ReconfigureAuthentication start(std::uint8_t type, std::uint64_t replay) noexcept {
    ReconfigureAuthentication value{};
    store_u8(value.data(), kProtocol);
    store_u8(&value[1], kAlgorithm);
    store_u8(&value[2], kReplayMethod);
    store_be64(&value[kReplayAt], replay);
    store_u8(&value[kTypeAt], type);
    return value;
}

}  // namespace

ReconfigureKey make_reconfigure_key(const ReconfigureSecret& secret, ByteView client_id) noexcept {
    hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, secret.size(), octets(secret.data()));
    hmac_sha256_update(&context, client_id.size(), octets(client_id.data()));
    ReconfigureKey key;
    hmac_sha256_digest(&context, key.size(), octets(key.data()));
    return key;
}

ReconfigureAuthentication carry_key(const ReconfigureKey& key, std::uint64_t replay) noexcept {
    ReconfigureAuthentication value = start(kTypeKey, replay);
    copy_bytes(&value[kValueAt], key);
    return value;
}

// The digest is over the client's message alone: relays are not known to it (section 20.4.2).
std::size_t write_reconfigure(const Reconfigure& message, MutableBytes out) noexcept {
    auto writer = ReplyWriter::begin(out, MessageType::kReconfigure, 0, message.relays);
    if (!writer) {
        return 0;
    }
    const std::size_t begin = writer->mark().at - kMessageHeaderLen;
    if (!writer->add(OptionCode::kServerId, message.server_id) ||
        !writer->add(OptionCode::kClientId, message.client_id) ||
        !writer->add_u8(OptionCode::kReconfigureMessage,
                        static_cast<std::uint8_t>(message.wanted)) ||
        !writer->add(OptionCode::kAuthentication, start(kTypeDigest, message.replay))) {
        return 0;
    }
    const std::size_t len = writer->finish();
    hmac_md5_ctx context;
    hmac_md5_set_key(&context, message.key.size(), octets(message.key.data()));
    hmac_md5_update(&context, len - begin, octets(&out[begin]));
    std::byte* const digest = &out[len - kReconfigureAuthenticationLen + kValueAt];
    hmac_md5_digest(&context, MD5_DIGEST_SIZE, octets(digest));
    return len;
}

}  // namespace xdhcpd::dhcp6
