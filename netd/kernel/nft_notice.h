// NftNotice: hears when anybody commits to nftables in one namespace.
//
// Only the message that closes a transaction is let through to the socket: it says who made it.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "netd/kernel/kernel.h"

namespace minik::netd {

class NftNotice {
 public:
  // In the calling thread's namespace.
  static Result<NftNotice> open();

  int fd() const { return fd_.get(); }
  // While somebody listens, the kernel writes a message for every element of a commit, which makes a large
  // one ten times slower.  Who pauses compares generations to know whether anybody else came in between.
  Result<> pause();
  Result<> resume();
  // Transactions since the last call that did not come from the socket `own`.
  Result<std::vector<ForeignChange>> take(std::uint32_t own);

 private:
  UniqueFd fd_;
};

}  // namespace minik::netd
