#include "kubectl-lite/wait.h"

#include <fmt/format.h>

#include <ostream>

#include "api/jsonpath.h"
#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/resource_args.h"
#include "kubectl-lite/text.h"
#include "kubectl-lite/watch_stream.h"

namespace minik::kubectl {
namespace {

constexpr std::chrono::milliseconds kWeek = std::chrono::hours(24 * 7);

// What --for asks; null means that the object is not there.
using Wish = std::function<Result<bool>(const Json* object)>;

// A condition counts only when it speaks of the newest generation.
bool is_current(const Json& object, const Json& condition) {
  const std::int64_t observed = int_at(condition, "observedGeneration");
  return observed == 0 || observed >= int_at(object_at(object, "metadata"), "generation");
}

Wish condition_wish(const std::string& name, const std::string& value) {
  return [name, value](const Json* object) -> Result<bool> {
    if (object == nullptr) return false;
    for (const Json& condition : array_at(object_at(*object, "status"), "conditions")) {
      if (lower(string_at(condition, "type")) != lower(name) || !is_current(*object, condition)) continue;
      return lower(string_at(condition, "status")) == lower(value);
    }
    return false;
  };
}

Result<Wish> jsonpath_wish(const std::string& text) {
  std::string path = text;
  std::optional<std::string> value;
  // TEMPLATE=VALUE; an = inside a filter stands before the closing brace or bracket.
  const auto close = text.find_last_of("}]");
  if (const auto at = text.find('=', close == std::string::npos ? 0 : close); at != std::string::npos) {
    path = text.substr(0, at);
    value = text.substr(at + 1);
    if (value->empty()) return failed("jsonpath wait has to have a value after equal sign");
  }
  if (!path.starts_with("{")) path = "{" + std::string(path.starts_with(".") ? "" : ".") + path + "}";
  const auto parsed = api::JsonPath::parse(path);
  if (!parsed.ok()) return failed(parsed.error());
  return Wish([path = *parsed, value](const Json* object) -> Result<bool> {
    if (object == nullptr) return false;
    const auto found = path.find_values(*object);
    if (!found.ok() || found->empty()) return false;
    return !value || go_value(found->front()) == *value;
  });
}

Result<Wish> wish_of(const std::string& text) {
  const std::string word = lower(text.substr(0, text.find('=')));
  const auto at = text.find('=');
  const std::string rest = at == std::string::npos ? "" : text.substr(at + 1);
  if (word == "delete" && at == std::string::npos)
    return Wish([](const Json* o) -> Result<bool> { return o == nullptr; });
  if (word == "create" && at == std::string::npos)
    return Wish([](const Json* o) -> Result<bool> { return o != nullptr; });
  if (word == "condition" && !rest.empty()) {
    const auto equals = rest.find('=');
    return condition_wish(rest.substr(0, equals),
                          equals == std::string::npos ? "true" : rest.substr(equals + 1));
  }
  if (word == "jsonpath" && !rest.empty()) return jsonpath_wish(rest);
  return failed(fmt::format("unrecognized condition: \"{}\"", text));
}

struct Awaited {
  const api::Kind* kind = nullptr;
  std::string ns, name;
};

class Waiter {
 public:
  Waiter(Session& session, const WaitOptions& options) : session_(session), options_(options) {}

  Result<int> run() {
    const Wish wish = TRY(wish_of(options_.condition));
    const bool may_be_absent = options_.condition == "delete" || options_.condition == "create";
    auto timeout = parse_duration(options_.timeout);
    if (!timeout)
      return usage(fmt::format("invalid argument \"{}\" for \"--timeout\" flag", options_.timeout));
    if (timeout->count() < 0) timeout = kWeek;
    const std::vector<Awaited> awaited = TRY(find_awaited());
    if (awaited.empty() && !may_be_absent) return failed("no matching resources found");
    bool bad = false;
    for (const Awaited& one : awaited) bad = !TRY(wait_for(one, wish, *timeout, may_be_absent)) || bad;
    return bad ? 1 : 0;
  }

 private:
  // False: it was not met, and that was said.
  Result<bool> wait_for(const Awaited& one, const Wish& wish, std::chrono::milliseconds timeout,
                        bool may_be_absent) {
    bool first = true, never_there = false;
    const bool met = TRY(
        wait_until(session_, *one.kind, one.ns, one.name, timeout, [&](const Json* object) -> Result<bool> {
          never_there = std::exchange(first, false) && object == nullptr;
          if (never_there && !may_be_absent) return true;
          return wish(object);
        }));
    if (never_there && !may_be_absent) {
      session_.err << fmt::format("Error from server (NotFound): {} \"{}\" not found\n",
                                  one.kind->group_resource(), one.name);
      return false;
    }
    if (met && never_there) return true;  // Deleted long ago: kubectl has no word for it.
    if (met) {
      session_.out << kind_word(*one.kind) << '/' << one.name << " condition met\n" << std::flush;
      return true;
    }
    session_.err << fmt::format("error: timed out waiting for the condition on {}/{}\n", one.kind->resource,
                                one.name);
    return false;
  }

  Result<std::vector<Awaited>> find_awaited() {
    std::vector<Awaited> found;
    if (!options_.files.empty()) {
      for (const Manifest& m : TRY(load_manifests(session_, options_.files, false))) {
        found.push_back({m.kind, namespace_of(m.object), name_of(m.object)});
      }
      return found;
    }
    const Targets targets = TRY(parse_targets(options_.args, "wait"));
    for (const Target& target : targets.list) {
      const std::string ns = options_.all_namespaces ? "" : session_.ns;
      if (!target.name.empty()) {
        found.push_back({target.kind, target.kind->namespaced ? ns : "", target.name});
        continue;
      }
      if (!options_.all && options_.labels.empty() && options_.fields.empty()) {
        return failed("resource(s) were provided, but no name was specified");
      }
      Query query;
      if (!options_.labels.empty()) query.emplace_back("labelSelector", options_.labels);
      if (!options_.fields.empty()) query.emplace_back("fieldSelector", options_.fields);
      const Json list = TRY(session_.fetch(get_call(*target.kind, ns, "", query)));
      for (const Json& item : array_at(list, "items"))
        found.push_back({target.kind, namespace_of(item), name_of(item)});
    }
    return found;
  }

  Session& session_;
  const WaitOptions& options_;
};

}  // namespace

Result<int> wait(Session& session, const WaitOptions& options) { return Waiter(session, options).run(); }

Result<RolloutState> rollout_state(const Json& deployment) {
  const Json &meta = object_at(deployment, "metadata"), &status = object_at(deployment, "status");
  const std::string name = string_at(meta, "name");
  if (int_at(meta, "generation") > int_at(status, "observedGeneration")) {
    return RolloutState{"Waiting for deployment spec update to be observed...", false};
  }
  for (const Json& condition : array_at(status, "conditions")) {
    if (string_at(condition, "type") == "Progressing" &&
        string_at(condition, "reason") == "ProgressDeadlineExceeded") {
      return failed(fmt::format("deployment \"{}\" exceeded its progress deadline", name));
    }
  }
  const std::int64_t wanted = int_at(object_at(deployment, "spec"), "replicas", 1),
                     updated = int_at(status, "updatedReplicas"), all = int_at(status, "replicas"),
                     available = int_at(status, "availableReplicas");
  const std::string start = fmt::format("Waiting for deployment \"{}\" rollout to finish: ", name);
  if (updated < wanted)
    return RolloutState{
        start + fmt::format("{} out of {} new replicas have been updated...", updated, wanted), false};
  if (all > updated)
    return RolloutState{start + fmt::format("{} old replicas are pending termination...", all - updated),
                        false};
  if (available < updated)
    return RolloutState{start + fmt::format("{} of {} updated replicas are available...", available, updated),
                        false};
  return RolloutState{fmt::format("deployment \"{}\" successfully rolled out", name), true};
}

Result<int> rollout_status(Session& session, const RolloutStatusOptions& options) {
  const Target target = TRY(parse_one_target(options.args, "", "rollout status"));
  if (target.kind->group_resource() != "deployments.apps") {
    return failed(fmt::format("no status viewer has been implemented for {}", target.kind->kind));
  }
  auto timeout = parse_duration(options.timeout);
  if (!timeout) return usage(fmt::format("invalid argument \"{}\" for \"--timeout\" flag", options.timeout));
  if (timeout->count() <= 0) timeout = kWeek;
  std::string last;
  bool first = true;
  const bool done = TRY(wait_until(
      session, *target.kind, session.ns, target.name, *timeout, [&](const Json* object) -> Result<bool> {
        if (object == nullptr) {
          if (first)
            return Error(
                Code::kNotFound,
                fmt::format("Error from server (NotFound): deployments.apps \"{}\" not found", target.name));
          return failed("object has been deleted");
        }
        first = false;
        const RolloutState state = TRY(rollout_state(*object));
        if (state.text != last) session.out << state.text << '\n' << std::flush;
        last = state.text;
        return state.done || !options.watch;
      }));
  if (!done) return failed("timed out waiting for the condition");
  return 0;
}

}  // namespace minik::kubectl
