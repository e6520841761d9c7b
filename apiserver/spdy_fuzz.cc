// Any bytes from a SPDY client: the decoder takes or refuses them, and holds no more than one control frame.
#include <cstdint>
#include <string_view>

#include "apiserver/spdy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  minik::apiserver::spdy::Decoder decoder;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::size_t handed_out = 0;
  while (!rest.empty()) {  // In two sizes, so that frames are cut everywhere.
    const std::size_t piece = std::min<std::size_t>(rest.size(), rest.size() % 2 == 0 ? 3 : 17);
    decoder.feed(rest.substr(0, piece));
    rest.remove_prefix(piece);
    for (;;) {
      const auto event = decoder.next();
      if (!event.ok()) return 0;
      if (!*event) break;
      handed_out += (*event)->data.size();
    }
  }
  if (handed_out > size) __builtin_trap();
  return 0;
}
