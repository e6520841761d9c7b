#include "kubectl-lite/describe.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <ostream>

#include "api/selector.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/resource_args.h"

namespace minik::kubectl {
namespace {

const api::Kind& kind_named(const char* word) {
  const api::Kind* kind = api::Schema::builtin().by_word(word);
  MINIK_ASSERT(kind != nullptr);
  return *kind;
}

class Describer {
 public:
  Describer(Session& session, const DescribeOptions& options) : session_(session), options_(options) {}

  Result<int> run() {
    if (!options_.files.empty()) {
      for (const Manifest& m : TRY(load_manifests(session_, options_.files, false))) {
        TRY(one_by_name(*m.kind, namespace_of(m.object), name_of(m.object)));
      }
    } else {
      const Targets targets = TRY(parse_targets(options_.args, "describe"));
      for (const Target& target : targets.list) {
        if (target.name.empty())
          TRY(all_of_kind(*target.kind));
        else
          TRY(one_by_name(*target.kind, session_.ns, target.name));
      }
    }
    if (shown_ == 0 && errors_ == 0) {
      if (options_.all_namespaces)
        session_.err << "No resources found\n";
      else
        session_.err << "No resources found in " << session_.ns << " namespace.\n";
    }
    return errors_ > 0 ? 1 : 0;
  }

 private:
  Result<> all_of_kind(const api::Kind& kind) {
    Query query;
    if (!options_.labels.empty()) query.emplace_back("labelSelector", options_.labels);
    const Json list =
        TRY(session_.fetch(get_call(kind, options_.all_namespaces ? "" : session_.ns, "", query)));
    for (Json object : array_at(list, "items")) {
      set_type(object, kind);
      TRY(show(kind, object));
    }
    return {};
  }

  // A name that nobody has may be the beginning of names.
  Result<> one_by_name(const api::Kind& kind, const std::string& ns, const std::string& name) {
    const auto object = session_.fetch(get_call(kind, ns, name));
    if (object.ok()) return show(kind, *object);
    if (object.error().code() == Code::kNotFound) {
      bool any = false;
      const Json list = TRY(session_.fetch(get_call(kind, ns)));
      for (Json candidate : array_at(list, "items")) {
        if (!name_of(candidate).starts_with(name)) continue;
        set_type(candidate, kind);
        TRY(show(kind, candidate));
        any = true;
      }
      if (any) return {};
    }
    if (object.error().code() == Code::kUnavailable) return object.error();
    session_.err << object.error().message() << '\n';
    ++errors_;
    return {};
  }

  Result<> show(const api::Kind& kind, const Json& object) {
    if (shown_++ > 0) session_.out << "\n\n";
    Json events;
    if (options_.show_events) events = events_of(kind, object);
    session_.out << TRY(page(kind, object, options_.show_events ? &events : nullptr));
    return {};
  }

  // Events are an extra: a server that does not answer them only makes the page shorter.
  Json events_of(const api::Kind& kind, const Json& object) {
    std::string fields =
        fmt::format("involvedObject.name={},involvedObject.namespace={},involvedObject.uid={}",
                    name_of(object), namespace_of(object), string_at(object_at(object, "metadata"), "uid"));
    if (kind.kind != "Pod") fields += ",involvedObject.kind=" + kind.kind;
    const auto list =
        session_.fetch(get_call(kind_named("events"), namespace_of(object), "", {{"fieldSelector", fields}}));
    return list.ok() ? *list : Json::object();
  }

  Result<Json> selected(const char* word, const Json& object) {
    const auto selector = api::LabelSelector::from_json(object_at(object_at(object, "spec"), "selector"));
    if (!selector.ok()) return failed(selector.error());
    const Json list = TRY(session_.fetch(
        get_call(kind_named(word), namespace_of(object), "", {{"labelSelector", selector->text()}})));
    Json items = array_at(list, "items");
    return items;
  }

  Result<std::string> page(const api::Kind& kind, const Json& object, const Json* events) {
    const WallTime now = session_.clock.now();
    const std::string resource = kind.group_resource();
    if (resource == "pods") return describe_pod(object, events, now);
    if (resource == "services") {
      const auto endpoints =
          session_.fetch(get_call(kind_named("endpoints"), namespace_of(object), name_of(object)));
      return describe_service(object, endpoints.ok() ? *endpoints : Json::object(), events, now);
    }
    if (resource == "endpoints") return describe_endpoints(object, events, now);
    if (resource == "deployments.apps")
      return describe_deployment(object, TRY(selected("replicasets", object)), events, now);
    if (resource == "replicasets.apps")
      return describe_replica_set(object, TRY(selected("pods", object)), events, now);
    return describe_generic(object, events, now);
  }

  Session& session_;
  const DescribeOptions& options_;
  int shown_ = 0, errors_ = 0;
};

}  // namespace

Result<int> describe(Session& session, const DescribeOptions& options) {
  return Describer(session, options).run();
}

}  // namespace minik::kubectl
