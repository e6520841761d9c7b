// NftSocket: one nfnetlink socket for nftables: sends batches, reads dumps.
//
// Threads: one.  The socket belongs to the namespace it was opened in.
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::netd {

// A message of a batch that the kernel refused.
struct NftFailure {
  std::uint32_t sequence = 0;  // Of the message; that of the first one means the transaction as a whole.
  int error = 0;               // errno
  std::uint32_t offset = 0;    // Of the attribute it stumbled over, from the message's start; 0: unknown.
};

class NftSocket {
 public:
  // In the calling thread's namespace.
  static Result<NftSocket> open();

  // Sends a whole batch with one sendmsg.  Empty: committed.
  // Errors: kKernel when the batch could not be sent.
  Result<std::vector<NftFailure>> send_batch(const std::string& bytes);
  // Asks for a dump; `visit` sees each message.  Errors: kConflict when the rules changed under the dump.
  Result<> dump(const nlmsghdr* request, const std::function<void(const nlmsghdr*)>& visit);
  std::uint32_t port() const { return port_; }
  std::uint32_t next_sequence() { return ++sequence_; }

 private:
  Result<> make_room(std::size_t bytes);

  UniqueFd fd_;
  std::uint32_t port_ = 0, sequence_ = 0;
  std::size_t send_buffer_ = 0;
};

}  // namespace minik::netd
