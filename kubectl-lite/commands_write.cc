// apply, delete, scale, label, annotate, expose; create.
#include <CLI/CLI.hpp>

#include "kubectl-lite/apply.h"
#include "kubectl-lite/change.h"
#include "kubectl-lite/command_setup.h"
#include "kubectl-lite/delete.h"
#include "kubectl-lite/generate.h"
#include "kubectl-lite/resource_args.h"

namespace minik::kubectl {
namespace {

void add_write_flags(CLI::App* c, WriteOptions& o) {
  c->add_option("-o,--output", o.output, "name, yaml, json, jsonpath=TEMPLATE");
  c->add_option("--validate", o.validate, "Unknown fields: strict, warn or ignore")
      ->expected(0, 1)
      ->capture_default_str();
  c->add_option("--dry-run", o.dry_run, "none, client, server")->capture_default_str();
}

void add_file_flags(CLI::App* c, std::vector<std::string>& files, bool& recursive) {
  add_list(c, "-f,--filename", files, "File, folder or - for standard input; may be repeated");
  c->add_flag("-R,--recursive", recursive, "Folders below folders too");
}

void add_apply(CommandSetup& setup) {
  const auto o = std::make_shared<WriteOptions>();
  CLI::App* c =
      setup.add("apply", "Make objects as files describe them", [o](Session& s) { return apply(s, *o); });
  add_file_flags(c, o->files, o->recursive);
  add_write_flags(c, *o);
}

void add_delete(CommandSetup& setup) {
  const auto o = std::make_shared<DeleteOptions>();
  CLI::App* c = setup.add("delete", "Delete objects", [o](Session& s) { return remove(s, *o); });
  c->add_option("resource", o->args, "TYPE NAME… | TYPE/NAME… | TYPE -l SELECTOR | TYPE --all");
  add_file_flags(c, o->files, o->recursive);
  c->add_option("-l,--selector", o->labels, "Label selector");
  c->add_option("--field-selector", o->fields, "Field selector");
  c->add_option("-o,--output", o->output, "name");
  c->add_option("--cascade", o->cascade, "background, foreground, orphan")->capture_default_str();
  c->add_option("--timeout", o->timeout, "How long to wait; 0: no end");
  c->add_option("--grace-period", o->grace_seconds, "Seconds between the stop signal and the kill");
  c->add_flag("--all", o->all, "All objects of the types");
  c->add_flag("-A,--all-namespaces", o->all_namespaces, "In all namespaces");
  c->add_flag("--force", o->force, "With no grace at all");
  c->add_flag("--now", o->now, "With a grace of one second");
  c->add_flag("--wait", o->wait, "Wait until they are gone")->capture_default_str();
  c->add_flag("--ignore-not-found", o->ignore_not_found, "An absent object is no error");
}

void add_scale(CommandSetup& setup) {
  const auto o = std::make_shared<ScaleOptions>();
  CLI::App* c = setup.add("scale", "Change the number of pods", [o](Session& s) { return scale(s, *o); });
  c->add_option("resource", o->args, "TYPE NAME… | TYPE/NAME…");
  add_list(c, "-f,--filename", o->files, "Objects that this file names");
  c->add_option("--replicas", o->replicas, "Number of pods")->required();
  c->add_option("--current-replicas", o->current_replicas, "Only if there are so many now");
}

void add_label(CommandSetup& setup, bool annotations) {
  const auto o = std::make_shared<LabelOptions>();
  o->annotations = annotations;
  const char* help = annotations ? "Set and remove annotations" : "Set and remove labels";
  CLI::App* c = setup.add(annotations ? "annotate" : "label", help, [o](Session& s) { return label(s, *o); });
  c->add_option("args", o->args, "TYPE NAME… KEY=VALUE… KEY-…");
  add_list(c, "-f,--filename", o->files, "Objects that this file names");
  c->add_option("-l,--selector", o->labels, "Label selector");
  c->add_flag("--overwrite", o->overwrite, "Replace values that are there");
  c->add_flag("--all", o->all, "All objects of the type");
  c->add_flag("--list", o->list, "Show what there is");
  c->add_flag("-A,--all-namespaces", o->all_namespaces, "In all namespaces");
}

void add_expose(CommandSetup& setup) {
  const auto o = std::make_shared<ExposeFlags>();
  const auto w = std::make_shared<WriteOptions>();
  CLI::App* c =
      setup.add("expose", "Make a Service for pods", [o, w](Session& s) { return expose(s, *o, *w); });
  c->add_option("resource", o->args, "TYPE/NAME of a pod, deployment or service");
  c->add_option("--service", o->name, "Name of the Service; default the object's");
  c->add_option("--port", o->port, "Port of the Service");
  c->add_option("--target-port", o->target_port, "Number or name of the pods' port");
  c->add_option("--protocol", o->protocol, "TCP, UDP, SCTP");
  c->add_option("--type", o->type, "ClusterIP, NodePort, LoadBalancer");
  c->add_option("--cluster-ip", o->cluster_ip, "Address; None: headless");
  c->add_option("--selector", o->selector, "Labels of the pods; default the object's");
  add_write_flags(c, *w);
}

void add_create_deployment(CommandSetup& setup, CLI::App* create, const std::shared_ptr<WriteOptions>& w) {
  const auto o = std::make_shared<DeploymentFlags>();
  CLI::App* c = setup.add(
      "deployment", "Create a Deployment",
      [o, w](Session& s) -> Result<int> {
        Json object = TRY(deployment_object(*o, s.ns));
        return create_object(s, *TRY(kind_of_word("deployments")), std::move(object), *w, "kubectl-create");
      },
      create);
  c->alias("deploy");
  c->add_option("name", o->name, "Its name")->required();
  c->add_option("command", o->command, "Command, after --");
  add_list(c, "--image", o->images, "Image of a container")->required();
  c->add_option("-r,--replicas", o->replicas, "Number of pods")->capture_default_str();
  c->add_option("--port", o->port, "Port that the container opens");
  add_write_flags(c, *w);
}

void add_create_others(CommandSetup& setup, CLI::App* create, const std::shared_ptr<WriteOptions>& w) {
  const auto name = std::make_shared<std::string>();
  CLI::App* ns = setup.add(
      "namespace", "Create a Namespace",
      [name, w](Session& s) -> Result<int> {
        return create_object(s, *TRY(kind_of_word("namespaces")), namespace_object(*name), *w,
                             "kubectl-create");
      },
      create);
  ns->alias("ns");
  ns->add_option("name", *name, "Its name")->required();
  add_write_flags(ns, *w);
  const auto o = std::make_shared<ConfigMapFlags>();
  CLI::App* map = setup.add(
      "configmap", "Create a ConfigMap",
      [o, w](Session& s) -> Result<int> {
        Json object = TRY(config_map_object(*o, s.ns));
        return create_object(s, *TRY(kind_of_word("configmaps")), std::move(object), *w, "kubectl-create");
      },
      create);
  map->alias("cm");
  map->add_option("name", o->name, "Its name")->required();
  add_list(map, "--from-literal", o->literals, "KEY=VALUE");
  add_list(map, "--from-file", o->files, "[KEY=]FILE");
  add_write_flags(map, *w);
}

}  // namespace

void add_write_commands(CommandSetup& setup) {
  add_apply(setup);
  add_delete(setup);
  add_scale(setup);
  add_label(setup, false);
  add_label(setup, true);
  add_expose(setup);
}

void add_create_commands(CommandSetup& setup) {
  const auto w = std::make_shared<WriteOptions>();
  CLI::App* create = setup.add("create", "Create objects from files or flags",
                               [w](Session& s) { return create_from_files(s, *w); });
  add_file_flags(create, w->files, w->recursive);
  add_write_flags(create, *w);
  add_create_deployment(setup, create, w);
  add_create_others(setup, create, w);
}

}  // namespace minik::kubectl
