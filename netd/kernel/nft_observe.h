// What nftables holds in our tables, read back.
#pragma once

#include <map>

#include "netd/kernel/nft_socket.h"
#include "netd/plan/plan.h"

namespace minik::netd {

// Tables whose names start with "minik".  Others are not read.
Result<std::map<TableName, SeenTable>> observe_tables(NftSocket& socket);
Result<std::vector<TableName>> list_tables(NftSocket& socket);
// Counts the transactions of the namespace, whoever made them.
Result<std::uint32_t> read_generation(NftSocket& socket);

}  // namespace minik::netd
