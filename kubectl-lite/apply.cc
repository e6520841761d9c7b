#include "kubectl-lite/apply.h"

#include <fmt/format.h>

#include <ostream>

#include "api/patch.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/printer.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr int kConflictRetries = 5;

// "strict", "warn", "ignore" → the API's word.
Result<std::string> validation_word(const std::string& flag) {
  if (flag.empty() || flag == "strict" || flag == "true") return std::string("Strict");
  if (flag == "warn") return std::string("Warn");
  if (flag == "ignore" || flag == "false") return std::string("Ignore");
  return usage(fmt::format(
      "invalid - validate option \"{}\"; must be one of: strict (or true), warn, ignore (or false)", flag));
}

// Generators write `creationTimestamp: null`; it asks for nothing.
void drop_null_creation(Json& object) {
  const Json* created = find(object, "metadata", "creationTimestamp");
  if (created != nullptr && created->is_null()) object["metadata"].erase("creationTimestamp");
}

class Writer {
 public:
  static Result<Writer> make(Session& session, const WriteOptions& options, std::string manager) {
    Writer writer(session, options, std::move(manager));
    writer.validation_ = TRY(validation_word(options.validate));
    if (options.dry_run != "none" && options.dry_run != "client" && options.dry_run != "server") {
      return usage(fmt::format("Invalid dry-run value ({}). Must be \"none\", \"server\", or \"client\".",
                               options.dry_run));
    }
    writer.format_ = TRY(OutputFormat::parse(options.output));
    return writer;
  }

  bool client_side() const { return options_.dry_run == "client"; }

  Result<> create(const Manifest& manifest, const Json& object) {
    if (client_side()) return say(*manifest.kind, object, "created");
    Call call;
    call.method = "POST";
    call.path = path_of(*manifest.kind, namespace_of(object));
    call.query = query();
    call.body = go_json(object);
    const Json made = TRY(session_.fetch(call, "creating", manifest.source));
    return say(*manifest.kind, made, "created");
  }

  Result<> apply(const Manifest& manifest) {
    if (name_of(manifest.object).empty()) {
      return failed(
          fmt::format("error when retrieving current configuration of \"{}\": resource name may not be empty",
                      manifest.source));
    }
    for (int attempt = 0;; ++attempt) {
      const Reply live = TRY(
          session_.send(get_call(*manifest.kind, namespace_of(manifest.object), name_of(manifest.object))));
      if (live.status == 404) return create(manifest, with_last_applied(manifest.object));
      if (!live.ok()) {
        return server_error(live.status, live.body, "retrieving current configuration of", manifest.source);
      }
      const auto object = parse_json(live.body);
      if (!object.ok()) return failed(object.error());
      auto done = replace(manifest, *object, attempt == 0);
      const bool again = !done.ok() && done.error().code() == Code::kConflict && attempt < kConflictRetries;
      if (!again) return done;
    }
  }

  Result<> say(const api::Kind& kind, const Json& object, std::string_view what) {
    if (!format_.table()) {
      session_.out << TRY(print_object(format_, kind, object, std::exchange(first_, false)));
      return {};
    }
    const char* dry = options_.dry_run == "client"   ? " (dry run)"
                      : options_.dry_run == "server" ? " (server dry run)"
                                                     : "";
    session_.out << kind_word(kind) << '/' << name_of(object) << ' ' << what << dry << '\n';
    return {};
  }

 private:
  Writer(Session& session, const WriteOptions& options, std::string manager)
      : session_(session), options_(options), manager_(std::move(manager)) {}

  Query query() const {
    Query query{{"fieldManager", manager_}, {"fieldValidation", validation_}};
    if (options_.dry_run == "server") query.emplace_back("dryRun", "All");
    return query;
  }

  Result<> replace(const Manifest& manifest, const Json& live, bool warn) {
    ApplyPlan plan = plan_apply(*manifest.kind, manifest.object, live);
    if (!plan.had_annotation && warn) {
      session_.err << fmt::format(
          "Warning: resource {}/{} is missing the {} annotation which is required by kubectl apply. kubectl "
          "apply should only be "
          "used on resources created declaratively by either kubectl create --save-config or kubectl apply. "
          "The missing annotation "
          "will be patched automatically.\n",
          manifest.kind->resource, name_of(manifest.object), kLastApplied);
    }
    if (plan.action == ApplyPlan::Action::kNothing) return say(*manifest.kind, live, "unchanged");
    if (client_side()) return say(*manifest.kind, plan.object, "configured");
    Call call;
    call.method = "PUT";
    call.path = path_of(*manifest.kind, namespace_of(manifest.object), name_of(manifest.object));
    call.query = query();
    call.body = go_json(plan.object);
    const Json made = TRY(session_.fetch(call, "applying", manifest.source));
    return say(*manifest.kind, made, "configured");
  }

  Session& session_;
  const WriteOptions& options_;
  std::string manager_, validation_;
  OutputFormat format_;
  bool first_ = true;
};

// Runs `work` for each manifest; failures are printed at the end, as kubectl does.
Result<int> for_each_manifest(Session& session, const WriteOptions& options, const char* verb,
                              const std::function<Result<>(const Manifest&)>& work) {
  if (options.files.empty()) return usage("must specify one of -f and -k");
  const auto manifests = TRY(load_manifests(session, options.files, options.recursive));
  if (manifests.empty()) return failed(fmt::format("no objects passed to {}", verb));
  std::vector<std::string> errors;
  for (const Manifest& manifest : manifests) {
    const Result<> done = work(manifest);
    if (done.ok()) continue;
    if (done.error().code() == Code::kUnavailable) return done.error();
    errors.push_back(done.error().message());
  }
  for (const std::string& error : errors) session.err << error << '\n';
  return errors.empty() ? 0 : 1;
}

}  // namespace

Json with_last_applied(Json manifest) {
  Json& meta = manifest["metadata"];
  if (!meta["annotations"].is_object()) meta["annotations"] = Json::object();
  meta["annotations"].erase(kLastApplied);
  std::string text = go_json(manifest) + "\n";
  meta["annotations"][kLastApplied] = std::move(text);
  return manifest;
}

ApplyPlan plan_apply(const api::Kind& kind, const Json& manifest, const Json& live) {
  ApplyPlan plan;
  Json wanted = with_last_applied(manifest);
  drop_null_creation(wanted);
  const std::string text = string_at(object_at(object_at(live, "metadata"), "annotations"), kLastApplied);
  plan.had_annotation = !text.empty();
  const auto last = parse_json(text);
  Json before = last.ok() ? *last : Json::object();
  drop_null_creation(before);
  plan.object = api::apply_three_way(*kind.type, before, wanted, live);
  if (plan.object != live) plan.action = ApplyPlan::Action::kReplace;
  return plan;
}

Result<int> apply(Session& session, const WriteOptions& options) {
  Writer writer = TRY(Writer::make(session, options, "kubectl-client-side-apply"));
  return for_each_manifest(session, options, "apply",
                           [&](const Manifest& manifest) { return writer.apply(manifest); });
}

Result<int> create_from_files(Session& session, const WriteOptions& options) {
  Writer writer = TRY(Writer::make(session, options, "kubectl-create"));
  return for_each_manifest(session, options, "create", [&](const Manifest& manifest) {
    return writer.create(manifest, manifest.object);
  });
}

Result<int> create_object(Session& session, const api::Kind& kind, Json object, const WriteOptions& options,
                          const std::string& manager) {
  Writer writer = TRY(Writer::make(session, options, manager));
  set_type(object, kind);
  TRY(writer.create({"", &kind, object}, object));
  return 0;
}

}  // namespace minik::kubectl
