// Any bytes from a WebSocket client: frames are taken whole or not at all, and the buffer never grows.
#include <cstdint>
#include <string>

#include "apiserver/websocket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string buffer(reinterpret_cast<const char*>(data), size);
  bool broken = false;
  for (std::size_t before = buffer.size() + 1; !broken && buffer.size() < before;) {
    before = buffer.size();
    const auto frame = minik::apiserver::take_frame(buffer, broken);
    if (!frame) break;
    if (frame->payload.size() + 6 > before - buffer.size()) __builtin_trap();
  }
  return 0;
}
