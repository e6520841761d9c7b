// The one nftables table that minik ever makes on the host: masquerading for pods that may reach the outside.
//
// Acts on the namespace of the calling process.
#pragma once

#include <string>

#include "base/result.h"
#include "netd/plan/topology.h"

namespace minik::netd {

// Replaces the table and switches forwarding on.
Result<> let_out(const HostLink& link);
// Fine if it is not there.
Result<> remove_host_table(const std::string& name);

}  // namespace minik::netd
