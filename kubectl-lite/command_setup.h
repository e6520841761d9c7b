// How the subcommands are put together; for commands*.cc only.
//
// Each add_… function makes one or a few CLI11 subcommands; the options live as long as the App's callbacks.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <string>

#include "kubectl-lite/session.h"

namespace minik::kubectl {

// The flags that every command knows.
struct GlobalFlags {
  std::string kubeconfig, context, cluster, ns, request_timeout;
};

// Work of a command once a session is there.
using Work = std::function<Result<int>(Session&)>;

class CommandSetup {
 public:
  CommandSetup(CLI::App& app, std::function<int()>& run) : app_(app), run_(run) {}

  // A subcommand of the program (or of `parent`) with the global flags; `work` runs in a session.
  CLI::App* add(const std::string& name, const std::string& help, Work work, CLI::App* parent = nullptr);
  // One that needs no server; `work` sees the flags.
  CLI::App* add_local(const std::string& name, const std::string& help,
                      std::function<Result<int>(const GlobalFlags&)> work);
  // One that only holds others: rollout, image.
  CLI::App* add_group(const std::string& name, const std::string& help);

 private:
  CLI::App* subcommand(const std::string& name, const std::string& help, GlobalFlags& flags,
                       CLI::App* parent);

  CLI::App& app_;
  std::function<int()>& run_;
};

// Prints the error and answers its exit code.
int report(const Error& error);
// Opens the session that the flags ask for and runs `work` in it.
Result<int> in_session(const GlobalFlags& flags, const Work& work);

// -f and the like: one value for each time the option is named.
CLI::Option* add_list(CLI::App* command, const std::string& names, std::vector<std::string>& into,
                      const std::string& help);

void add_read_commands(CommandSetup& setup);
void add_write_commands(CommandSetup& setup);
void add_create_commands(CommandSetup& setup);
void add_pod_commands(CommandSetup& setup);
void add_minik_commands(CommandSetup& setup);

}  // namespace minik::kubectl
