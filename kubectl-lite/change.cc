#include "kubectl-lite/change.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/resource_args.h"

namespace minik::kubectl {
namespace {

constexpr const char* kMergePatch = "application/merge-patch+json";

struct Place {
  const api::Kind* kind = nullptr;
  std::string ns, name;
};

Result<std::vector<Place>> places_of(Session& session, const std::vector<std::string>& args,
                                     const std::vector<std::string>& files, const std::string& verb) {
  std::vector<Place> places;
  if (!files.empty()) {
    for (const Manifest& m : TRY(load_manifests(session, files, false))) {
      places.push_back({m.kind, namespace_of(m.object), name_of(m.object)});
    }
    return places;
  }
  const Targets targets = TRY(parse_targets(args, verb));
  for (const Target& t : targets.list)
    places.push_back({t.kind, t.kind->namespaced ? session.ns : "", t.name});
  return places;
}

Call patch_call(const Place& place, const char* subresource, const Json& patch,
                const char* type = kMergePatch) {
  Call call;
  call.method = "PATCH";
  call.path = path_of(*place.kind, place.ns, place.name, subresource);
  call.content_type = type;
  call.body = to_text(patch);
  return call;
}

// Runs `work` for each place, printing failures on the way.
Result<int> for_each_place(Session& session, const std::vector<Place>& places,
                           const std::function<Result<>(const Place&)>& work) {
  bool bad = false;
  for (const Place& place : places) {
    const Result<> done = work(place);
    if (done.ok()) continue;
    if (done.error().code() == Code::kUnavailable) return done.error();
    session.err << done.error().message() << '\n';
    bad = true;
  }
  return bad ? 1 : 0;
}

Result<> scale_one(Session& session, const ScaleOptions& options, const Place& place) {
  const Json object = TRY(session.fetch(get_call(*place.kind, place.ns, place.name)));
  if (!place.kind->has_subresource("scale")) {
    return failed(fmt::format("cannot scale {}: the server could not find the requested resource",
                              kind_word(*place.kind)));
  }
  const std::int64_t now = int_at(object_at(object, "spec"), "replicas", 1);
  if (options.current_replicas >= 0 && now != options.current_replicas) {
    return failed(fmt::format("Expected replicas to be {}, was {}", options.current_replicas, now));
  }
  TRY(session.fetch(patch_call(place, "scale", {{"spec", {{"replicas", options.replicas}}}})));
  session.out << kind_word(*place.kind) << '/' << place.name << " scaled\n";
  return {};
}

class Labeller {
 public:
  Labeller(Session& session, const LabelOptions& options, LabelChanges changes)
      : session_(session),
        options_(options),
        changes_(std::move(changes)),
        member_(options.annotations ? "annotations" : "labels"),
        verb_(options.annotations ? "annotate" : "label") {}

  Result<int> run() {
    std::vector<Place> places = TRY(places_of(session_, changes_.resources, options_.files, verb_));
    if (options_.all || !options_.labels.empty()) places = TRY(selected(places));
    for (const Place& place : places) {
      if (place.name.empty())
        return failed("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    return for_each_place(session_, places, [this](const Place& place) { return one(place); });
  }

 private:
  Result<std::vector<Place>> selected(const std::vector<Place>& kinds) {
    std::vector<Place> places;
    for (const Place& of : kinds) {
      Query query;
      if (!options_.labels.empty()) query.emplace_back("labelSelector", options_.labels);
      const Json list =
          TRY(session_.fetch(get_call(*of.kind, options_.all_namespaces ? "" : of.ns, "", query)));
      for (const Json& item : array_at(list, "items"))
        places.push_back({of.kind, namespace_of(item), name_of(item)});
    }
    return places;
  }

  Result<> one(const Place& place) {
    const Json object = TRY(session_.fetch(get_call(*place.kind, place.ns, place.name)));
    const Json before = object_at(object_at(object, "metadata"), member_);
    if (options_.list) return show(place, before);
    Json after = before;
    bool removed_only = true;
    std::vector<std::string> taken;
    for (const auto& [name, value] : changes_.changes) {
      if (!value) {
        if (!before.contains(name)) session_.err << verb_ << " \"" << name << "\" not found.\n";
        after.erase(name);
        continue;
      }
      removed_only = false;
      const std::string old = string_at(before, name, *value);
      if (old != *value && !options_.overwrite)
        taken.push_back(fmt::format("'{}' already has a value ({})", name, old));
      after[name] = *value;
    }
    if (!taken.empty() && options_.annotations) {
      return failed("--overwrite is false but found the following declared annotation(s): " +
                    join(taken, "; "));
    }
    if (!taken.empty()) return failed(taken.front() + ", and --overwrite is false");
    if (after != before || options_.annotations) TRY(send(place, before, after));
    std::string_view said = options_.annotations ? "annotated" : removed_only ? "unlabeled" : "labeled";
    if (after == before && !options_.annotations) said = "not labeled";
    session_.out << kind_word(*place.kind) << '/' << place.name << ' ' << said << '\n';
    return {};
  }

  Result<> send(const Place& place, const Json& before, const Json& after) {
    Json patch = Json::object();
    for (const auto& [name, value] : after.items()) {
      if (!before.contains(name) || before[name] != value) patch[name] = value;
    }
    for (const auto& [name, value] : before.items()) {
      if (!after.contains(name)) patch[name] = nullptr;
    }
    Call call = patch_call(place, "", {{"metadata", {{member_, patch}}}});
    call.query.emplace_back("fieldManager", std::string("kubectl-") + verb_);
    TRY(session_.fetch(call));
    return {};
  }

  Result<> show(const Place& place, const Json& values) {
    session_.out << fmt::format("Listing {} for {}.{}/{}:\n", member_, place.kind->kind, place.kind->group,
                                place.name);
    for (const auto& [name, value] : values.items())
      session_.out << name << '=' << value.get<std::string>() << '\n';
    return {};
  }

  Session& session_;
  const LabelOptions& options_;
  LabelChanges changes_;
  const char* member_;
  const char* verb_;
};

}  // namespace

Result<int> scale(Session& session, const ScaleOptions& options) {
  if (options.replicas < 0)
    return usage("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
  const auto places = TRY(places_of(session, options.args, options.files, "scale"));
  for (const Place& place : places) {
    if (place.name.empty()) return failed("resource(s) were provided, but no name was specified");
  }
  return for_each_place(session, places,
                        [&](const Place& place) { return scale_one(session, options, place); });
}

Result<LabelChanges> parse_label_args(const std::vector<std::string>& args, bool annotations) {
  LabelChanges parsed;
  for (const std::string& arg : args) {
    const auto at = arg.find('=');
    const bool removes = at == std::string::npos && arg.ends_with('-');
    if (at == std::string::npos && !removes) {
      if (!parsed.changes.empty())
        return usage(fmt::format("all resources must be specified before {} changes: {}",
                                 annotations ? "annotation" : "label", arg));
      parsed.resources.push_back(arg);
    } else if (removes) {
      parsed.changes.emplace_back(arg.substr(0, arg.size() - 1), std::nullopt);
    } else {
      parsed.changes.emplace_back(arg.substr(0, at), arg.substr(at + 1));
    }
  }
  return parsed;
}

Result<int> label(Session& session, const LabelOptions& options) {
  LabelChanges changes = TRY(parse_label_args(options.args, options.annotations));
  if (changes.changes.empty() && !options.list) {
    return usage(
        fmt::format("at least one {} update is required", options.annotations ? "annotation" : "label"));
  }
  return Labeller(session, options, std::move(changes)).run();
}

Result<int> rollout_restart(Session& session, const std::vector<std::string>& args) {
  const auto places = TRY(places_of(session, args, {}, "rollout restart"));
  const Json patch = {
      {"spec",
       {{"template",
         {{"metadata",
           {{"annotations", {{"kubectl.kubernetes.io/restartedAt", rfc3339(session.clock.now())}}}}}}}}}};
  return for_each_place(session, places, [&](const Place& place) -> Result<> {
    if (place.name.empty()) return failed("required resource not specified");
    Call call = patch_call(place, "", patch, "application/strategic-merge-patch+json");
    call.query.emplace_back("fieldManager", "kubectl-rollout");
    TRY(session.fetch(call));
    session.out << kind_word(*place.kind) << '/' << place.name << " restarted\n";
    return {};
  });
}

}  // namespace minik::kubectl
