#include "kubectl-lite/delete.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/resource_args.h"
#include "kubectl-lite/text.h"
#include "kubectl-lite/watch_stream.h"

namespace minik::kubectl {
namespace {

constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 7);

// One object to delete, and after the request the uid that must go.
struct Doomed {
  const api::Kind* kind = nullptr;
  std::string ns, name, source, uid;
};

class Remover {
 public:
  Remover(Session& session, const DeleteOptions& options) : session_(session), options_(options) {}

  Result<int> run() {
    TRY(check());
    TRY(find_doomed());
    if (doomed_.empty() && errors_ == 0) {
      if (!options_.ignore_not_found || !options_.files.empty() || selecting())
        session_.out << "No resources found\n";
      return 0;
    }
    std::vector<Doomed> gone;
    for (Doomed& one : doomed_) {
      const Result<bool> asked = ask(one);
      if (asked.ok() && *asked) gone.push_back(one);
      if (!asked.ok()) TRY(report(asked.error()));
    }
    if (options_.wait) {
      for (const Doomed& one : gone) TRY(wait_for(one));
    }
    return errors_ > 0 ? 1 : 0;
  }

 private:
  bool selecting() const { return options_.all || !options_.labels.empty() || !options_.fields.empty(); }

  Result<> check() {
    if (options_.all && !options_.labels.empty())
      return failed("cannot set --all and --selector at the same time");
    if (options_.all && !options_.fields.empty())
      return failed("cannot set --all and --field-selector at the same time");
    if (!options_.output.empty() && options_.output != "name") {
      return failed(fmt::format("unexpected -o output mode: {}. We only support '-o name'", options_.output));
    }
    grace_ = options_.grace_seconds;
    if (options_.now) {
      if (grace_) return failed("--now and --grace-period cannot be specified together");
      grace_ = 1;
    }
    if (options_.force && !grace_) grace_ = 0;
    if (options_.force && *grace_ > 0)
      return failed("--force and --grace-period greater than 0 cannot be specified together");
    if (!options_.force && grace_ == 0) grace_ = 1;  // As kubectl: only --force ends a pod without asking it.
    if (options_.force) {
      session_.err << "Warning: Immediate deletion does not wait for confirmation that the running resource "
                      "has been terminated. "
                      "The resource may continue to run on the cluster indefinitely.\n";
    }
    return {};
  }

  Result<> find_doomed() {
    if (!options_.files.empty()) {
      for (const Manifest& m : TRY(load_manifests(session_, options_.files, options_.recursive))) {
        doomed_.push_back({m.kind, namespace_of(m.object), name_of(m.object), m.source, ""});
      }
      return {};
    }
    const Targets targets = TRY(parse_targets(options_.args, "delete"));
    if (targets.by_name()) {
      if (selecting()) return failed("name cannot be provided when a selector is specified");
      for (const Target& t : targets.list)
        doomed_.push_back({t.kind, t.kind->namespaced ? session_.ns : "", t.name, "", ""});
      return {};
    }
    if (!selecting()) {
      return failed("resource(s) were provided, but no name was specified");
    }
    for (const Target& target : targets.list) TRY(select(*target.kind));
    return {};
  }

  Result<> select(const api::Kind& kind) {
    Query query;
    if (!options_.labels.empty()) query.emplace_back("labelSelector", options_.labels);
    if (!options_.fields.empty()) query.emplace_back("fieldSelector", options_.fields);
    const Json list =
        TRY(session_.fetch(get_call(kind, options_.all_namespaces ? "" : session_.ns, "", query)));
    for (const Json& item : array_at(list, "items")) {
      doomed_.push_back({&kind, namespace_of(item), name_of(item), "", ""});
    }
    return {};
  }

  // False: it was not there and that may be.
  Result<bool> ask(Doomed& one) {
    Json body = {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"propagationPolicy", TRY(policy())}};
    if (grace_) body["gracePeriodSeconds"] = *grace_;
    Call call;
    call.method = "DELETE";
    call.path = path_of(*one.kind, one.ns, one.name);
    call.body = to_text(body);
    const auto answer = session_.fetch(call, "deleting", one.source);
    if (!answer.ok()) {
      if (answer.error().code() == Code::kNotFound && options_.ignore_not_found) return false;
      return answer.error();
    }
    const bool is_status = string_at(*answer, "kind") == "Status";
    one.uid = string_at(object_at(*answer, is_status ? "details" : "metadata"), "uid");
    if (options_.output == "name")
      session_.out << kind_word(*one.kind) << '/' << one.name << '\n';
    else
      session_.out << kind_word(*one.kind) << " \"" << one.name << "\" "
                   << (grace_ == 0 ? "force deleted\n" : "deleted\n");
    session_.out.flush();
    return true;
  }

  Result<std::string> policy() const {
    const std::string word = lower(options_.cascade);
    if (word == "background" || word == "true") return std::string("Background");
    if (word == "foreground") return std::string("Foreground");
    if (word == "orphan" || word == "false") return std::string("Orphan");
    return failed(
        fmt::format("invalid cascade value ({}). Must be \"background\", \"foreground\", or \"orphan\"",
                    options_.cascade));
  }

  Result<> wait_for(const Doomed& one) {
    auto timeout = kForever;
    if (!options_.timeout.empty()) {
      const auto parsed = parse_duration(options_.timeout);
      if (!parsed) return failed(fmt::format("invalid duration \"{}\"", options_.timeout));
      if (parsed->count() > 0) timeout = *parsed;
    }
    const bool gone = TRY(
        wait_until(session_, *one.kind, one.ns, one.name, timeout, [&](const Json* object) -> Result<bool> {
          return object == nullptr || string_at(object_at(*object, "metadata"), "uid") != one.uid;
        }));
    if (!gone)
      return failed(
          fmt::format("timed out waiting for the condition on {}/{}", one.kind->resource, one.name));
    return {};
  }

  Result<> report(const Error& error) {
    if (error.code() == Code::kUnavailable) return error;
    session_.err << error.message() << '\n';
    ++errors_;
    return {};
  }

  Session& session_;
  const DeleteOptions& options_;
  std::vector<Doomed> doomed_;
  std::optional<int> grace_;
  int errors_ = 0;
};

}  // namespace

Result<int> remove(Session& session, const DeleteOptions& options) { return Remover(session, options).run(); }

}  // namespace minik::kubectl
