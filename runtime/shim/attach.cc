#include "runtime/shim/attach.h"

#include <errno.h>
#include <unistd.h>

namespace minik::shim {
namespace {

struct Attached {
  const Container* container;  // Null: free.
  int output, errors;
};
Attached attached[kAttachedMax];

bool put(int fd, const char* text, size_t size) {
  if (fd < 0) return true;
  while (size > 0) {
    const ssize_t n = write(fd, text, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

bool attach(Container* container, int output, int errors) {
  for (Attached& one : attached) {
    if (one.container != nullptr) continue;
    one = {container, output, errors};
    return true;
  }
  return false;
}

void detach(int index) {
  Attached& one = attached[index];
  if (one.output >= 0) close(one.output);
  if (one.errors >= 0) close(one.errors);
  one = {nullptr, -1, -1};
}

int attached_fd(int index) { return attached[index].container == nullptr ? -1 : attached[index].output; }

void tell_attached(const Container* container, bool errors, const char* text, size_t size) {
  for (int i = 0; i < kAttachedMax; ++i) {
    if (attached[i].container != container || container == nullptr) continue;
    if (!put(errors ? attached[i].errors : attached[i].output, text, size)) detach(i);
  }
}

void detach_all(const Container* container) {
  for (int i = 0; i < kAttachedMax; ++i) {
    if (attached[i].container == container) detach(i);
  }
}

}  // namespace minik::shim
