#include "host/multicast_member.h"

#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace xdhcpd::host {
namespace {

[[nodiscard]] bool change(int fd, int option, const Ipv6& group, std::uint32_t ifindex) noexcept {
    ipv6_mreq membership{};
    std::memcpy(membership.ipv6mr_multiaddr.s6_addr, group.octets.data(), Ipv6::kLen);
    membership.ipv6mr_interface = ifindex;
    return ::setsockopt(fd, IPPROTO_IPV6, option, &membership, sizeof membership) == 0;
}

}  // namespace

Result<Success, Error> MulticastMember::open_groups() {
    if (!groups_fd_.is_open()) {
        groups_fd_ = OwnedFd{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        if (!groups_fd_.is_open()) {
            return Unexpected{system_error(errno, "open socket for multicast groups")};
        }
    }
    return Success{};
}

// A packet socket of no protocol: it receives nothing and carries the membership.
Result<Success, Error> MulticastMember::set_all(bool all) {
    if (all == all_fd_.is_open()) {
        return Success{};
    }
    if (!all) {
        all_fd_.reset();
        return Success{};
    }
    OwnedFd fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    packet_mreq membership{};
    membership.mr_ifindex = static_cast<int>(ifindex_);
    membership.mr_type = PACKET_MR_ALLMULTI;
    if (!fd.is_open() || ::setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
                                      sizeof membership) != 0) {
        return Unexpected{system_error(errno, "receive all multicast on " + name_)};
    }
    all_fd_ = std::move(fd);
    return Success{};
}

Result<Success, Error> MulticastMember::set(const Wanted& wanted) {
    if (auto done = set_all(wanted.all); !done) {
        return done;
    }
    if (!wanted.groups.empty()) {
        if (auto opened = open_groups(); !opened) {
            return opened;
        }
    }
    std::vector<Ipv6> added;
    std::set_difference(wanted.groups.begin(), wanted.groups.end(), joined_.begin(), joined_.end(),
                        std::back_inserter(added));
    for (const Ipv6& group : added) {
        if (!change(groups_fd_.get(), IPV6_JOIN_GROUP, group, ifindex_)) {
            return Unexpected{system_error(errno, "join " + to_string(group) + " on " + name_)};
        }
        joined_.insert(std::lower_bound(joined_.begin(), joined_.end(), group), group);
    }
    std::vector<Ipv6> left;
    std::set_difference(joined_.begin(), joined_.end(), wanted.groups.begin(), wanted.groups.end(),
                        std::back_inserter(left));
    for (const Ipv6& group : left) {
        static_cast<void>(change(groups_fd_.get(), IPV6_LEAVE_GROUP, group, ifindex_));
    }
    joined_ = wanted.groups;
    if (joined_.empty()) {
        groups_fd_.reset();
    }
    return Success{};
}

}  // namespace xdhcpd::host
