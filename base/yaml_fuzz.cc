// Any bytes as YAML: no crash, and what was read writes and reads back the same.
#include <cstdint>
#include <string_view>

#include "base/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto documents = minik::parse_yaml({reinterpret_cast<const char*>(data), size});
  if (!documents.ok()) return 0;
  for (const auto& document : *documents) {
    const std::string text = minik::to_yaml(document);
    const auto again = minik::parse_yaml(text);
    if (again.ok() && !again->empty() && again->front() != document) __builtin_trap();
  }
  return 0;
}
