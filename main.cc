// minik: one binary.  Subcommands, nothing else: `up` and `down` are the daemon's, all others the client's.
#include <CLI/CLI.hpp>

#include "daemon/lifecycle.h"
#include "kubectl-lite/commands.h"

namespace {

void add_up(CLI::App& app, minik::daemon::UpOptions& options, std::function<int()>& run) {
  CLI::App* up = app.add_subcommand("up", "Start a cluster");
  up->add_option("--name", options.name, "Name of the cluster")->capture_default_str();
  up->add_option("--state-dir", options.state_dir, "Where its objects, images and logs are kept");
  up->add_option("--kubeconfig", options.kubeconfig, "File that gets the cluster's context");
  up->add_option("--pod-cidr", options.pod_cidr, "Range of the pods")->capture_default_str();
  up->add_option("--service-cidr", options.service_cidr, "Range of the Services")->capture_default_str();
  up->add_option("--node-cidr", options.node_cidr, "Range of the link between host and node")
      ->capture_default_str();
  up->add_option("--cluster-domain", options.cluster_domain, "DNS domain")->capture_default_str();
  up->add_option("--api-port", options.api_port, "Port of the API on 127.0.0.1; 0 picks a free one")
      ->capture_default_str();
  up->add_option("--egress", options.egress, "Whether pods reach the outside through the host: none or host")
      ->capture_default_str();
  up->add_flag("--foreground", options.foreground, "Stay in the foreground, log to the terminal");
  up->add_flag("-v,--verbose", options.verbose, "Log more");
  up->callback([&options, &run] { run = [&options] { return minik::daemon::up(options); }; });
}

void add_down(CLI::App& app, minik::daemon::DownOptions& options, std::function<int()>& run) {
  CLI::App* down = app.add_subcommand("down", "Stop a cluster and remove everything of it");
  down->add_option("--name", options.name, "Name of the cluster")->capture_default_str();
  down->add_flag("--keep-state", options.keep_state, "Keep its objects and images for the next `up`");
  down->callback([&options, &run] { run = [&options] { return minik::daemon::down(options); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("minik: a whole Kubernetes network on one machine, in one process", "minik");
  app.require_subcommand(1);
  minik::daemon::UpOptions up;
  minik::daemon::DownOptions down;
  std::function<int()> run;
  add_up(app, up, run);
  add_down(app, down, run);
  minik::kubectl::add_commands(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return run ? run() : 2;
}
