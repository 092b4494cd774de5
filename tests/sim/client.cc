#include "sim/client.h"

#include "support/engine_harness.h"

namespace xdhcpd::sim {
namespace {

using dhcp4::MessageType;
using testing::Bytes;

[[nodiscard]] Bytes random_bytes(std::size_t len, Random& random) {
    Bytes result(len);
    for (std::byte& byte : result) {
        byte = static_cast<std::byte>('a' + random.below(26));
    }
    return result;
}

[[nodiscard]] bool chance(Random& random, std::uint32_t percent) {
    return random.below(100) < percent;
}

}  // namespace

Client::Client(int id, int home, bool is_reserved, Random& random)
    : id_{id}, home_{home}, is_constant_xid_{chance(random, 10)}, link_{home} {
    const auto identifier = [&] {
        if (chance(random, 40)) {
            return Bytes{};
        }
        Bytes bytes = random_bytes(chance(random, 30) ? 100 + random.below(100) : 8, random);
        bytes[0] = std::byte{0};
        bytes[1] = static_cast<std::byte>(id);
        return bytes;
    };
    client_ids_.push_back(identifier());
    if (is_reserved) {
        client_ids_.push_back(identifier());
        client_ids_.push_back(identifier());
    }
    if (chance(random, 50)) {
        hostname_ = random_bytes(chance(random, 30) ? 200 : 6, random);
    }
}

Ipv4 Client::server_of(int link) {
    return testing::ip(link == kDirect ? "192.0.2.1" : "198.51.100.1");
}

Sent Client::make(MessageType type, int link, const Form& form, Random& random, Nanoseconds now) {
    testing::Message message{static_cast<int>(type), id_};
    Sent sent;
    sent.client = id_;
    sent.link = link;
    sent.type = type;
    sent.xid = is_constant_xid_ ? 0x80000000u + static_cast<std::uint32_t>(id_)
                                : (static_cast<std::uint32_t>(id_) << 20) + (++sequence_ & 0xfffff);
    sent.time = now;
    sent.address = form.ciaddr.is_zero() ? form.requested : form.ciaddr;
    sent.init_reboot =
        form.server.is_zero() && form.ciaddr.is_zero() && type == MessageType::kRequest;
    sent.other_server = !form.server.is_zero() && form.server != server_of(link);
    message.xid(sent.xid);

    const Bytes& client_id =
        client_ids_[random.below(static_cast<std::uint32_t>(client_ids_.size()))];
    if (!client_id.empty()) {
        message.option(61, client_id);
    }
    if (!form.ciaddr.is_zero()) {
        message.ciaddr(to_string(form.ciaddr));
    }
    if (!form.requested.is_zero()) {
        message.option_address(50, to_string(form.requested));
    }
    if (!form.server.is_zero()) {
        message.option_address(54, to_string(form.server));
    }
    if (!hostname_.empty() && type != MessageType::kRelease) {
        message.option(12, hostname_);
    }
    if (chance(random, 15)) {
        message.option_u32(51, 30 + random.below(1500));
    }

    testing::FrameSpec spec;
    spec.source_mac = testing::mac(id_);
    sent.ifindex = link == kDirect ? testing::kEth1 : testing::kEth2;
    if (form.unicast) {
        spec.source = form.ciaddr;
        spec.destination = server_of(link);
        spec.destination_mac = testing::kServerMac;
        // It may have come from anywhere, so the address says which link is meant.
        sent.link = Network::link_of(Network::subnet_of(form.ciaddr));
    } else if (link == kRelayed) {
        spec.source = testing::ip(chance(random, 70) ? "203.0.113.1" : "203.0.113.2");
        spec.destination = server_of(link);
        spec.destination_mac = testing::kServerMac;
        spec.source_port = 67;
        message.giaddr(to_string(spec.source));
        message.option(82, testing::bytes({1, 4, 'p', 'o', 'r', 't', 2, 1, id_ & 0xff}));
    }
    if (link == kRelayed) {
        spec.source_mac = testing::mac(0xee);
    }
    sent.frame = testing::udp_frame(spec, message.payload());
    return sent;
}

Sent Client::discover(int link, Random& random, Nanoseconds now) {
    Form form;
    if (chance(random, 25)) {
        form.requested = bound_;
    }
    Sent sent = make(MessageType::kDiscover, link, form, random, now);
    sent.address = {};
    return sent;
}

Sent Client::select(int link, Ipv4 address, Random& random, Nanoseconds now) {
    return make(MessageType::kRequest, link,
                {.ciaddr = {}, .requested = address, .server = server_of(link)}, random, now);
}

Sent Client::ask_again(int link, Ipv4 address, Random& random, Nanoseconds now) {
    if (chance(random, 35)) {
        return make(MessageType::kRequest, link, {.ciaddr = {}, .requested = address, .server = {}},
                    random, now);
    }
    return make(MessageType::kRequest, link,
                {.ciaddr = address, .requested = {}, .server = {}, .unicast = chance(random, 50)},
                random, now);
}

Sent Client::act_bound(Random& random, Nanoseconds now) {
    const Ipv4 address = bound_;
    const std::uint32_t dice = random.below(100);
    if (dice < 70) {
        return ask_again(link_, address, random, now);
    }
    if (dice < 84) {
        bound_ = {};
        return make(MessageType::kRelease, link_,
                    {.ciaddr = address,
                     .requested = {},
                     .server = chance(random, 90) ? server_of(link_) : testing::ip("192.0.2.250"),
                     .unicast = true},
                    random, now);
    }
    if (dice < 87) {
        bound_ = {};
        Sent sent =
            make(MessageType::kDecline, link_,
                 {.ciaddr = {}, .requested = address, .server = server_of(link_)}, random, now);
        return sent;
    }
    return discover(link_, random, now);  // it has forgotten
}

Sent Client::act(Random& random, Nanoseconds now) {
    if (last_ && chance(random, 15)) {
        Sent again = *last_;
        again.time = now;
        return again;
    }
    if (bound_.is_zero() && chance(random, 3)) {
        link_ = 1 - home_;  // it roams
    } else if (bound_.is_zero() && chance(random, 30)) {
        link_ = home_;
    }
    if (!bound_.is_zero() && now >= end_) {
        bound_ = {};
    }
    if (!bound_.is_zero()) {
        last_ = act_bound(random, now);
    } else if (!offered_.is_zero() && chance(random, 85)) {
        // Now and then it takes the offer of another server, or something that nobody offered.
        Form form{.ciaddr = {}, .requested = offered_, .server = server_of(link_)};
        if (chance(random, 4)) {
            form.server = testing::ip("192.0.2.250");
        } else if (chance(random, 4)) {
            form.requested.value = Network::base(random.below(3)).value + random.below(40);
        }
        offered_ = {};
        last_ = make(MessageType::kRequest, link_, form, random, now);
    } else if (chance(random, 5)) {
        last_ = ask_again(link_, Ipv4{Network::base(random.below(3)).value + 8 + random.below(20)},
                          random, now);
    } else {
        last_ = discover(link_, random, now);
    }
    return *last_;
}

void Client::receive(const Answer& answer) {
    if (!last_ || answer.xid != last_->xid) {
        return;
    }
    switch (answer.type) {
        case MessageType::kOffer:
            if (last_->type == MessageType::kDiscover) {
                offered_ = answer.address;
            }
            break;
        case MessageType::kAck:
            if (last_->type == MessageType::kRequest) {
                bound_ = answer.address;
                end_ = last_->time + Nanoseconds{answer.lease_time} * kSecond;
            }
            break;
        case MessageType::kNak:
            if (last_->type == MessageType::kRequest) {
                bound_ = {};
                offered_ = {};
            }
            break;
        default:
            break;
    }
}

}  // namespace xdhcpd::sim
