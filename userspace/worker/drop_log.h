// DropLog: the last frames that got no answer, for `xdhcpctl explain`. One thread; no allocation
// after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "base/addresses.h"
#include "base/time.h"
#include "dhcp4/options.h"
#include "engine/drop_reason.h"
#include "engine/request.h"
#include "packet/vlan.h"

namespace xdhcpd::worker {

struct Drop {
    BootTime time;
    engine::DropReason reason = engine::Refusal::kNotForUs;
    Mac client;  // chaddr of an Ethernet client, else the frame's source; zero if neither could be
                 // read
    std::uint32_t ifindex = 0;
    std::uint32_t queue = 0;
    VlanTags tags;
    Ipv4 giaddr;
    Ipv4 address;  // that the client asked for (option 50) or has (ciaddr), zero without
    dhcp4::MessageType type = dhcp4::MessageType::kNone;
};

// chaddr of an Ethernet client, else the frame's source; zero if neither could be read.
[[nodiscard]] Mac client_of(const engine::Request& request) noexcept;

class DropLog {
  public:
    explicit DropLog(std::size_t capacity) : drops_(capacity) {}

    void add(const Drop& drop) noexcept { drops_[added_++ % drops_.size()] = drop; }

    // Newest first.
    [[nodiscard]] std::vector<Drop> newest(std::size_t max) const {
        std::vector<Drop> result;
        for (std::uint64_t i = added_; i > 0 && added_ - i < drops_.size() && result.size() < max;
             --i) {
            result.push_back(drops_[(i - 1) % drops_.size()]);
        }
        return result;
    }

  private:
    std::vector<Drop> drops_;
    std::uint64_t added_ = 0;
};

}  // namespace xdhcpd::worker
