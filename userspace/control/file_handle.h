// FileHandle: owns the descriptor of a connection.
#pragma once

#include "base/owned_fd.h"

namespace xdhcpd::control {

using FileHandle = OwnedFd;

}  // namespace xdhcpd::control
