// The terminal of a container: crun makes it and sends its master side to a socket in the bundle.
#pragma once

#include <stddef.h>

namespace minik::shim {

struct Console {
  int directory, listener;  // -1: none.
};

// Listens in `bundle` and writes to `path` the name by which crun finds it.  errno says why not.
bool console_open(Console* console, const char* bundle, char* path, size_t size);
// The master side, non-blocking, or -1.  Does not wait: crun has ended.
int console_take(const Console* console);
void console_close(Console* console);

}  // namespace minik::shim
