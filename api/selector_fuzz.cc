// Any text as a selector: no crash, and a selector that parses prints to one that means the same.
#include <cstdint>
#include <string_view>

#include "api/selector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto selector = minik::api::LabelSelector::parse(text); selector.ok() && !selector->empty()) {
    const auto again = minik::api::LabelSelector::parse(selector->text());
    if (!again.ok() || !(*again == *selector)) __builtin_trap();
  }
  [[maybe_unused]] const auto fields = minik::api::parse_field_selector(text);
  return 0;
}
