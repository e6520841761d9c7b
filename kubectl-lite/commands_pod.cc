// logs, exec; image, status, kubeconfig.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/yaml.h"
#include "kubectl-lite/command_setup.h"
#include "kubectl-lite/exec.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/kubeconfig_file.h"
#include "kubectl-lite/logs.h"
#include "kubectl-lite/minik_routes.h"

namespace minik::kubectl {
namespace {

void add_logs(CommandSetup& setup) {
  const auto o = std::make_shared<LogsOptions>();
  CLI::App* c = setup.add("logs", "Show what containers wrote", [o](Session& s) { return logs(s, *o); });
  c->add_option("pod", o->args, "POD | TYPE/NAME");
  c->add_option("-c,--container", o->container, "Container");
  c->add_option("-l,--selector", o->labels, "Pods by label selector");
  c->add_option("--since", o->since, "Only what is younger, as 5s, 2m, 3h");
  c->add_option("--since-time", o->since_time, "Only what came after (RFC 3339)");
  c->add_option("--tail", o->tail, "Only so many of the last lines; -1: all");
  c->add_option("--limit-bytes", o->limit_bytes, "At most so many bytes");
  c->add_flag("-f,--follow", o->follow, "Go on until the container ends");
  c->add_flag("-p,--previous", o->previous, "Of the run before");
  c->add_flag("--timestamps", o->timestamps, "Time in front of each line");
  c->add_flag("--all-containers", o->all_containers, "All containers of the pod");
  c->add_flag("--prefix", o->prefix, "Pod and container in front of each line");
}

void add_exec(CommandSetup& setup) {
  const auto o = std::make_shared<ExecOptions>();
  CLI::App* c = setup.add("exec", "Run a command in a container", [o](Session& s) { return exec(s, *o); });
  c->add_option("pod", o->pod, "POD | TYPE/NAME")->required();
  c->add_option("command", o->command, "Command, after --");
  c->add_option("-c,--container", o->container, "Container");
  c->add_flag("-i,--stdin", o->stdin_open, "Hand standard input to the command");
}

void add_image(CommandSetup& setup) {
  CLI::App* group = setup.add_group("image", "Images for pods");
  const auto name = std::make_shared<std::string>(), directory = std::make_shared<std::string>(),
             output = std::make_shared<std::string>();
  CLI::App* add = setup.add(
      "add", "Make an image of a root file system",
      [name, directory](Session& s) { return image_add(s, *name, *directory); }, group);
  add->add_option("image", *name, "Name of the image")->required();
  add->add_option("directory", *directory, "Root file system")->required();
  CLI::App* list = setup.add(
      "list", "Show the images", [output](Session& s) { return image_list(s, *output); }, group);
  list->add_option("-o,--output", *output, "json");
  CLI::App* remove = setup.add(
      "remove", "Remove an image", [name](Session& s) { return image_remove(s, *name); }, group);
  remove->add_option("image", *name, "Name of the image")->required();
}

Result<int> print_kubeconfig(const GlobalFlags& flags) {
  const Json config = TRY(load_kubeconfig(flags.kubeconfig));
  const std::string context = TRY(choose_context(config, flags.context, flags.cluster));
  std::cout << to_yaml(TRY(minify(config, context)));
  return 0;
}

// Status answers also for a cluster that is not there.
Result<int> print_status(const GlobalFlags& flags, const std::string& output) {
  const auto code = in_session(flags, [&](Session& s) { return cluster_status(s, output); });
  if (code.ok() || code.error().code() != Code::kUnavailable) return code;
  const std::string cluster = flags.cluster.empty() ? "" : " \"" + flags.cluster + "\"";
  return failed("cluster" + cluster + " is not running: " + code.error().message());
}

}  // namespace

void add_pod_commands(CommandSetup& setup) {
  add_logs(setup);
  add_exec(setup);
}

void add_minik_commands(CommandSetup& setup) {
  add_image(setup);
  const auto output = std::make_shared<std::string>();
  CLI::App* status =
      setup.add_local("status", "Show the health of a cluster",
                      [output](const GlobalFlags& flags) { return print_status(flags, *output); });
  status->add_option("-o,--output", *output, "json");
  setup.add_local("kubeconfig", "Print the kubeconfig of a cluster", print_kubeconfig);
}

}  // namespace minik::kubectl
