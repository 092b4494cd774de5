// MulticastMember: IPv6 multicast that one interface receives for our sake, beyond what the kernel
// has joined for itself. The kernel reports the groups by MLD and sets the filter of the device.
// All of it ends with the object, or with the process. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/addresses.h"
#include "base/error.h"
#include "base/owned_fd.h"
#include "base/result.h"

namespace xdhcpd::host {

class MulticastMember {
  public:
    // At most so many groups; more memberships than the kernel has memory for are refused by it.
    static constexpr std::size_t kMaxGroups = 256;

    // `groups` sorted, each once.
    struct Wanted {
        std::vector<Ipv6> groups;
        // Whatever group it is (ALLMULTI): for those that nobody can list. Needs CAP_NET_RAW.
        bool all = false;
        bool operator==(const Wanted&) const = default;
    };

    explicit MulticastMember(std::string interface_name, std::uint32_t ifindex)
        : name_{std::move(interface_name)}, ifindex_{ifindex} {}

    // Joins what is new, then leaves what is not wanted any more. After an error it may be tried
    // again.
    [[nodiscard]] Result<Success, Error> set(const Wanted& wanted);

  private:
    [[nodiscard]] Result<Success, Error> open_groups();
    [[nodiscard]] Result<Success, Error> set_all(bool all);

    std::string name_;
    std::uint32_t ifindex_;
    OwnedFd groups_fd_;  // open while there are groups
    OwnedFd all_fd_;     // open while all are received
    std::vector<Ipv6> joined_;
};

}  // namespace xdhcpd::host
