// Any text is a schedule or gets a reason why not.
#include <cstdint>
#include <string_view>

#include "api/cron.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  minik::api::cron_error({reinterpret_cast<const char*>(data), size});
  return 0;
}
