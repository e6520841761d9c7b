#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace minik {

Error Error::from_errno(int err, std::string_view what) {
  const Code code = err == ENOENT ? Code::kNotFound : err == EEXIST ? Code::kAlreadyExists : Code::kKernel;
  Error error(code, std::string(what) + ": " + std::strerror(err));
  error.errno_ = err;
  return error;
}

Error&& Error::wrap(std::string_view doing) && {
  message_ = std::string(doing) + ": " + message_;
  return std::move(*this);
}

void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "minik: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace minik
