// Any JSON text as a structural schema, and a second one as an object: the conversion, defaults, pruning and
// the validator neither crash nor hang; what they left of the object is pruned for good.
// Input: SCHEMA, a zero byte, OBJECT.
#include <cstdint>
#include <string_view>

#include "api/custom_kind.h"
#include "api/structural.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace minik;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto middle = text.find('\0');
  const auto schema = parse_json(text.substr(0, middle));
  if (!schema.ok()) return 0;
  api::Causes causes;
  api::check_structural(causes, *schema, "schema");
  std::vector<std::unique_ptr<api::StructType>> owned;
  const api::StructType* root = api::root_of_schema(*schema, "Widget", owned);
  if (middle == std::string_view::npos) return 0;
  auto object = parse_json(text.substr(middle + 1));
  if (!object.ok()) return 0;
  api::take_unknown_fields(*root, *object);
  if (!api::take_unknown_fields(*root, *object).empty()) __builtin_trap();
  if (object->is_object()) api::apply_defaults(*root, *object);
  api::validate_by_schema(*schema, *object, "", causes);
  return 0;
}
