// Any bytes as a request: no crash, no reply to a reply, never beyond the limit, and what comes out parses
// again.
//
// The first byte of the input chooses transport and rotation, the rest is the request.
#include <cstdlib>
#include <memory>

#include "dns/test_support.h"

namespace {

using minik::dns::Transport;

const minik::dns::Zone& zone() {
  static const auto built = [] {
    auto cluster = minik::dns::test::fixture();
    auto builder = minik::dns::test::builder();
    return builder.update(cluster.snapshot());
  }();
  return *built;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const minik::dns::ClientInfo client{.transport = (data[0] & 1) != 0 ? Transport::kTcp : Transport::kUdp,
                                      .rotation = data[0],
                                      .cut = data[0] == 254};
  const minik::dns::test::Bytes request(data + 1, data + size);
  const auto reply = minik::dns::test::ask_raw(zone(), request, client);
  const bool silent = request.size() < 12 || (request[2] & 0x80) != 0;
  if (reply.empty() != silent) std::abort();
  if (!silent && (!minik::dns::test::decode(reply).ok || (reply[2] & 0x80) == 0)) std::abort();
  return 0;
}
