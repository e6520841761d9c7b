#include "kubectl-lite/commands.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "kubectl-lite/command_setup.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/kubeconfig_file.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

void add_global_flags(CLI::App* command, GlobalFlags& flags) {
  command->add_option("--kubeconfig", flags.kubeconfig,
                      "File with the clusters; default $KUBECONFIG, ~/.kube/config");
  command->add_option("--context", flags.context, "Context of the kubeconfig to use");
  command->add_option("--name", flags.cluster, "Name of the minik cluster to use");
  command->add_option("-n,--namespace", flags.ns, "Namespace");
  command->add_option("--request-timeout", flags.request_timeout,
                      "Longest time one request may take, as 5s; 0: no end");
}

// "5s", and as kubectl allows, "5" for seconds.
Result<std::chrono::milliseconds> request_timeout(const std::string& text) {
  if (text.empty()) return std::chrono::milliseconds(0);
  auto parsed = parse_duration(text);
  if (!parsed) parsed = parse_duration(text + "s");
  if (!parsed || parsed->count() < 0) {
    return usage(
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a "
        "corresponding time "
        "unit (e.g. 1s | 2m | 3h)");
  }
  return *parsed;
}

}  // namespace

int report(const Error& error) {
  std::cout.flush();
  std::cerr << error.message() << '\n';
  return exit_code(error);
}

Result<int> in_session(const GlobalFlags& flags, const Work& work) {
  const auto timeout = TRY(request_timeout(flags.request_timeout));
  const Json config = TRY(load_kubeconfig(flags.kubeconfig));
  const ClusterAccess access =
      TRY(access_of(config, TRY(choose_context(config, flags.context, flags.cluster))));
  const auto api = TRY(connect_api(access, timeout));
  const SystemClock clock;
  Session session{
      std::cout,         std::cerr, std::cin, *api, clock, flags.ns.empty() ? access.ns : flags.ns,
      !flags.ns.empty(), {}};
  return work(session);
}

CLI::App* CommandSetup::subcommand(const std::string& name, const std::string& help, GlobalFlags& flags,
                                   CLI::App* parent) {
  CLI::App* command = (parent == nullptr ? app_ : *parent).add_subcommand(name, help);
  add_global_flags(command, flags);
  return command;
}

CLI::App* CommandSetup::add(const std::string& name, const std::string& help, Work work, CLI::App* parent) {
  const auto flags = std::make_shared<GlobalFlags>();
  CLI::App* command = subcommand(name, help, *flags, parent);
  command->callback([&run = run_, flags, command, work = std::move(work)] {
    if (!command->get_subcommands().empty()) return;  // A deeper one does the work.
    run = [flags, work] {
      const Result<int> code = in_session(*flags, work);
      std::cout.flush();
      return code.ok() ? *code : report(code.error());
    };
  });
  return command;
}

CLI::App* CommandSetup::add_local(const std::string& name, const std::string& help,
                                  std::function<Result<int>(const GlobalFlags&)> work) {
  const auto flags = std::make_shared<GlobalFlags>();
  CLI::App* command = subcommand(name, help, *flags, nullptr);
  command->callback([&run = run_, flags, work = std::move(work)] {
    run = [flags, work] {
      const Result<int> code = work(*flags);
      return code.ok() ? *code : report(code.error());
    };
  });
  return command;
}

CLI::App* CommandSetup::add_group(const std::string& name, const std::string& help) {
  CLI::App* group = app_.add_subcommand(name, help);
  group->require_subcommand(1);
  return group;
}

CLI::Option* add_list(CLI::App* command, const std::string& names, std::vector<std::string>& into,
                      const std::string& help) {
  return command->add_option(names, into, help)->allow_extra_args(false)->take_all();
}

void add_commands(CLI::App& app, std::function<int()>& run) {
  CommandSetup setup(app, run);
  add_read_commands(setup);
  add_write_commands(setup);
  add_create_commands(setup);
  add_pod_commands(setup);
  add_minik_commands(setup);
}

}  // namespace minik::kubectl
