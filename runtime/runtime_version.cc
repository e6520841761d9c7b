#include "runtime/runtime_version.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/process.h"

namespace minik::runtime {

std::string container_runtime_version() {
  const std::string program = find_program({"crun", "runc"});
  if (program.empty()) return "none://0";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "unknown://0";
  UniqueFd reader(ends[0]), writer(ends[1]);
  const auto child = spawn({program, "--version"}, {-1, writer.get(), -1});
  writer.reset();
  if (!child.ok()) return "unknown://0";
  char text[256];
  const ssize_t size = ::read(reader.get(), text, sizeof text);
  reader.reset();
  wait_for(*child);
  // "crun version 1.8.1", "runc version 1.1.5+ds1"
  const auto words = split_words(std::string_view(text, size > 0 ? static_cast<std::size_t>(size) : 0));
  return words.size() >= 3 ? words[0] + "://" + words[2] : "unknown://0";
}

}  // namespace minik::runtime
