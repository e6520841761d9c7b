// get, describe, events, api-resources, version, wait, rollout status.
#include <CLI/CLI.hpp>

#include "kubectl-lite/change.h"
#include "kubectl-lite/command_setup.h"
#include "kubectl-lite/describe.h"
#include "kubectl-lite/get.h"
#include "kubectl-lite/info.h"
#include "kubectl-lite/wait.h"

namespace minik::kubectl {
namespace {

constexpr const char* kResourceHelp = "TYPE[,TYPE…] [NAME…] | TYPE/NAME…";

void add_get(CommandSetup& setup) {
  const auto o = std::make_shared<GetOptions>();
  CLI::App* c = setup.add("get", "Show objects", [o](Session& s) { return get(s, *o); });
  c->add_option("resource", o->args, kResourceHelp);
  add_list(c, "-f,--filename", o->files, "Objects that this file names");
  c->add_option("-o,--output", o->output, "wide, yaml, json, name, jsonpath=TEMPLATE, jsonpath-file=FILE");
  c->add_option("-l,--selector", o->labels, "Label selector");
  c->add_option("--field-selector", o->fields, "Field selector");
  add_list(c, "-L,--label-columns", o->label_columns, "Labels to show as columns")->delimiter(',');
  c->add_flag("-A,--all-namespaces", o->all_namespaces, "In all namespaces");
  c->add_flag("-w,--watch", o->watch, "Go on showing what changes");
  c->add_flag("--watch-only", o->watch_only, "Show only what changes");
  c->add_flag("--show-labels", o->show_labels, "Labels as the last column");
  c->add_flag("--show-kind", o->show_kind, "Kind in front of names");
  c->add_flag("--no-headers", o->no_headers, "No line of titles");
  c->add_flag("--ignore-not-found", o->ignore_not_found, "An absent object is no error");
  c->add_flag("--show-managed-fields", o->show_managed_fields, "Keep managedFields in yaml and json");
}

void add_describe(CommandSetup& setup) {
  const auto o = std::make_shared<DescribeOptions>();
  CLI::App* c =
      setup.add("describe", "Show everything about objects", [o](Session& s) { return describe(s, *o); });
  c->add_option("resource", o->args, kResourceHelp);
  add_list(c, "-f,--filename", o->files, "Objects that this file names");
  c->add_option("-l,--selector", o->labels, "Label selector");
  c->add_flag("-A,--all-namespaces", o->all_namespaces, "In all namespaces");
  c->add_flag("--show-events", o->show_events, "Events at the end")->capture_default_str();
}

void add_wait(CommandSetup& setup) {
  const auto o = std::make_shared<WaitOptions>();
  CLI::App* c =
      setup.add("wait", "Wait until objects are as wanted", [o](Session& s) { return wait(s, *o); });
  c->add_option("resource", o->args, kResourceHelp);
  add_list(c, "-f,--filename", o->files, "Objects that this file names");
  c->add_option("--for", o->condition, "delete, create, condition=NAME[=VALUE], jsonpath=TEMPLATE[=VALUE]")
      ->required();
  c->add_option("--timeout", o->timeout, "How long; negative: a week")->capture_default_str();
  c->add_option("-l,--selector", o->labels, "Label selector");
  c->add_option("--field-selector", o->fields, "Field selector");
  c->add_flag("--all", o->all, "All objects of the type");
  c->add_flag("-A,--all-namespaces", o->all_namespaces, "In all namespaces");
}

void add_rollout(CommandSetup& setup) {
  CLI::App* group = setup.add_group("rollout", "Watch and start rollouts");
  const auto o = std::make_shared<RolloutStatusOptions>();
  CLI::App* c = setup.add(
      "status", "Wait until a rollout is done", [o](Session& s) { return rollout_status(s, *o); }, group);
  c->add_option("resource", o->args, "deployment/NAME");
  c->add_flag("-w,--watch", o->watch, "Wait")->capture_default_str();
  c->add_option("--timeout", o->timeout, "How long; 0: no end")->capture_default_str();
  const auto args = std::make_shared<std::vector<std::string>>();
  CLI::App* restart = setup.add(
      "restart", "Replace all pods", [args](Session& s) { return rollout_restart(s, *args); }, group);
  restart->add_option("resource", *args, "deployment/NAME…");
}

void add_events(CommandSetup& setup) {
  const auto o = std::make_shared<EventsOptions>();
  CLI::App* c = setup.add("events", "Show events", [o](Session& s) { return events(s, *o); });
  c->add_option("--for", o->for_object, "Only those about TYPE/NAME");
  add_list(c, "--types", o->types, "Normal, Warning")->delimiter(',');
  c->add_option("-o,--output", o->output, "yaml, json, name");
  c->add_flag("-A,--all-namespaces", o->all_namespaces, "In all namespaces");
  c->add_flag("-w,--watch", o->watch, "Go on showing new ones");
  c->add_flag("--no-headers", o->no_headers, "No line of titles");
}

void add_api_resources(CommandSetup& setup) {
  const auto o = std::make_shared<ApiResourcesOptions>();
  CLI::App* c = setup.add("api-resources", "Show the types of objects",
                          [o](Session& s) { return api_resources(s, *o); });
  c->add_option("-o,--output", o->output, "wide, name");
  c->add_option("--api-group", o->group, "Only this group");
  c->add_flag_function(
      "--namespaced", [o](std::int64_t times) { o->namespaced = times > 0; },
      "Only those with (or with =false, without) a namespace");
  c->add_flag("--no-headers", o->no_headers, "No line of titles");
}

}  // namespace

void add_read_commands(CommandSetup& setup) {
  add_get(setup);
  add_describe(setup);
  add_wait(setup);
  add_rollout(setup);
  add_events(setup);
  add_api_resources(setup);
  const auto output = std::make_shared<std::string>();
  CLI::App* c =
      setup.add("version", "Show the server's version", [output](Session& s) { return version(s, *output); });
  c->add_option("-o,--output", *output, "yaml, json");
}

}  // namespace minik::kubectl
