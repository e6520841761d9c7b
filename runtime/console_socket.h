// ConsoleSocket: where crun delivers the master side of a terminal that it made (OCI runtime:
// --console-socket).
//
// Threads: one.  Ownership: the socket file DIRECTORY/console goes with the object.
// Errors of open: kKernel.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace minik::runtime {

class ConsoleSocket {
 public:
  static Result<ConsoleSocket> open(const std::string& directory);
  ConsoleSocket(ConsoleSocket&&) = default;
  ~ConsoleSocket();

  // Short enough for a socket's name, whatever the directory; good while this object lives.
  std::string path() const;
  // Waits for the terminal; invalid when the process `pidfd` ended before, or ten seconds passed.
  UniqueFd receive(int pidfd) const;

 private:
  ConsoleSocket(UniqueFd directory, UniqueFd listener)
      : directory_(std::move(directory)), listener_(std::move(listener)) {}
  UniqueFd directory_, listener_;
};

}  // namespace minik::runtime
