// The command line client: what `minik get`, `minik apply` and their like do.
//
// It is an HTTP client of the API and knows no server code.  Output, messages and exit codes are kubectl's
// for what it supports.
//
// Threads: one.  Errors: printed to stderr; the exit code says the rest (0 done, 1 failed, 2 usage; `exec`
// passes on the code of the command).
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace minik::kubectl {

// Adds the client's subcommands to `app`.  When the command line names one of them, `run` is set while it is
// parsed; calling it does the work and answers the exit code.  Both must outlive the call of `run`.
void add_commands(CLI::App& app, std::function<int()>& run);

}  // namespace minik::kubectl
