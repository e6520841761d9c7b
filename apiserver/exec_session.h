// A session of exec or attach: a Program on one side, a client's streams on the other.
//
// One poll loop; nothing is held beyond kQueuedMax bytes per direction.  A client that vanishes ends the
// program. Threads: the connection's, until the session is over. Specification: wire-compat.md 6.5 to 6.9.
#pragma once

#include <functional>
#include <string>

#include "apiserver/connection.h"
#include "apiserver/pod_backend.h"
#include "apiserver/wire.h"

namespace minik::apiserver {

struct ExecWanted {
  ExecQuery query;
  int version = 4;  // Of the sub-protocol: v1 to v5.
  bool spdy = false;
};

// `begin` starts the program; it is called once the client's streams are all there.
void run_exec_session(Connection& connection, Wire& wire, std::string_view early, const ExecWanted& wanted,
                      const std::function<Result<Program>()>& begin);

// What the error stream says at the end: a Status, or since v3 and before a plain text, empty for success.
std::string exit_text(const Result<int>& code, int version);

// {"Width":80,"Height":24}; nothing for anything else, or when one of them is 0.
struct TerminalSize {
  unsigned short rows = 0, columns = 0;
};
std::optional<TerminalSize> parse_terminal_size(std::string_view text);

// A program that could not be started: as a shell would end, with 126 or 127.
int code_of_failed_start(std::string_view message);

}  // namespace minik::apiserver
