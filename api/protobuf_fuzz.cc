// Any bytes behind the mark: an object or an error, never a crash.
#include "api/protobuf.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string body = std::string("k8s\0", 4) + std::string(reinterpret_cast<const char*>(data), size);
  (void)minik::api::decode_protobuf(body);
  return 0;
}
