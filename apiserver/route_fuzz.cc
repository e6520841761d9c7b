// Any text as a URL path and query: no crash; a route that parses names a kind.
#include <cstdint>
#include <string_view>

#include "apiserver/request.h"
#include "apiserver/upgrade.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto route = minik::apiserver::parse_route(text.substr(0, text.find('?')));
  if (route.ok() && route->kind == nullptr) __builtin_trap();
  if (const auto at = text.find('?'); at != std::string_view::npos)
    minik::apiserver::parse_query(text.substr(at + 1));
  return 0;
}
