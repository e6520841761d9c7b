// Connection: one TLS client, as bytes.  What the stream code speaks WebSocket over.
//
// Threads: one reads, one writes at a time (writes are locked inside).  Blocking with the socket's timeouts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace minik::apiserver {

class Connection {
 public:
  virtual ~Connection() = default;
  // Up to `size` bytes; 0 at the end, -1 on an error.
  virtual long read(char* into, std::size_t size) = 0;
  virtual bool write(std::string_view bytes) = 0;
  // Whether bytes are there to read within `timeout`.
  virtual bool readable(Millis timeout) = 0;

  // For poll loops, without waiting: as above, and kWait when nothing can be done now.
  static constexpr long kWait = -2;
  virtual long read_some(char* into, std::size_t size) = 0;
  virtual long write_some(std::string_view bytes) = 0;
  virtual int fd() const = 0;
  virtual bool pending() const = 0;  // Bytes are there that poll would not tell of.
};

}  // namespace minik::apiserver
