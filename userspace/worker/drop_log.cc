#include "worker/drop_log.h"

namespace xdhcpd::worker {

Mac client_of(const engine::Request& request) noexcept {
    const dhcp4::MessageView& message = request.message();
    if (!message.payload().empty() && message.hlen() == Mac::kLen) {
        return Mac::load(message.chaddr().data());
    }
    return request.has_frame() ? request.frame().source_mac : Mac{};
}

}  // namespace xdhcpd::worker
