#include "kubectl-lite/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "base/yaml.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/printer.h"
#include "kubectl-lite/resource_args.h"
#include "kubectl-lite/text.h"
#include "kubectl-lite/watch_stream.h"

namespace minik::kubectl {
namespace {

constexpr const char* kDiscoveryAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

std::string event_time(const Json& event) {
  for (const char* member : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
    if (const std::string time = string_at(event, member); !time.empty()) return time;
  }
  return "";
}

std::string event_age(const Json& event, WallTime now) {
  std::string first = string_at(event, "firstTimestamp");
  if (first.empty()) first = string_at(event, "eventTime");
  const Json* series = find(event, "series");
  if (series != nullptr && series->is_object()) {
    return fmt::format("{} (x{} over {})", age_of(string_at(*series, "lastObservedTime"), now),
                       int_at(*series, "count"), age_of(first, now));
  }
  if (int_at(event, "count") > 1) {
    return fmt::format("{} (x{} over {})", age_of(string_at(event, "lastTimestamp"), now),
                       int_at(event, "count"), age_of(first, now));
  }
  return age_of(first, now);
}

class EventLister {
 public:
  EventLister(Session& session, const EventsOptions& options, OutputFormat format)
      : session_(session), options_(options), format_(std::move(format)) {}

  Result<int> run() {
    kind_ = TRY(kind_of_word("events"));
    const Call call = TRY(list_call());
    Json list = TRY(session_.fetch(call));
    std::vector<Json> items;
    for (const Json& item : array_at(list, "items")) {
      if (wanted(item)) items.push_back(item);
    }
    std::stable_sort(items.begin(), items.end(),
                     [](const Json& a, const Json& b) { return event_time(a) < event_time(b); });
    if (items.empty() && !options_.watch) {
      if (options_.all_namespaces)
        session_.err << "No events found.\n";
      else
        session_.err << "No events found in " << session_.ns << " namespace.\n";
      return 0;
    }
    if (!format_.table()) {
      for (Json& item : items) set_type(item, *kind_);
      session_.out << TRY(print_object(format_, *kind_, list_of(items), true));
      return 0;
    }
    for (const Json& item : items) row(item);
    session_.out << writer_.flush() << std::flush;
    if (!options_.watch) return 0;
    TRY(kubectl::watch(session_, call, string_at(object_at(list, "metadata"), "resourceVersion"),
                       [&](const WatchEvent& event) -> Result<bool> {
                         if (event.type != "DELETED" && wanted(event.object)) row(event.object);
                         session_.out << writer_.flush() << std::flush;
                         return session_.out.good();
                       }));
    return 0;
  }

 private:
  Result<Call> list_call() {
    Call call = get_call(*kind_, options_.all_namespaces ? "" : session_.ns);
    if (options_.for_object.empty()) return call;
    const Target target = TRY(parse_one_target({options_.for_object}, "", "events --for"));
    call.query.emplace_back("fieldSelector", fmt::format("involvedObject.kind={},involvedObject.name={}",
                                                         target.kind->kind, target.name));
    return call;
  }

  bool wanted(const Json& event) const {
    if (options_.types.empty()) return true;
    const std::string type = lower(string_at(event, "type"));
    return std::any_of(options_.types.begin(), options_.types.end(),
                       [&](const std::string& t) { return lower(t) == type; });
  }

  void row(const Json& event) {
    const char* start = options_.all_namespaces ? "NAMESPACE\t" : "";
    if (!std::exchange(headed_, true) && !options_.no_headers) {
      writer_.write(fmt::format("{}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n", start));
    }
    const Json& about = object_at(event, "involvedObject");
    const std::string ns = options_.all_namespaces ? namespace_of(event) + "\t" : "";
    writer_.write(fmt::format("{}{}\t{}\t{}\t{}/{}\t{}\n", ns, event_age(event, session_.clock.now()),
                              string_at(event, "type"), string_at(event, "reason"), string_at(about, "kind"),
                              string_at(about, "name"), trim(string_at(event, "message"))));
  }

  Session& session_;
  const EventsOptions& options_;
  OutputFormat format_;
  const api::Kind* kind_ = nullptr;
  TabWriter writer_ = TabWriter::for_tables();
  bool headed_ = false;
};

std::string words_of(const Json& list) {
  std::vector<std::string> words;
  for (const Json& word : list) words.push_back(word.get<std::string>());
  return join(words, ",");
}

// One line of api-resources; `sort` orders lines by group and name.
struct ResourceLine {
  std::string group, version, name, shorts, kind, verbs, categories;
  bool namespaced = true;
};

Result<std::vector<ResourceLine>> discover(Session& session) {
  std::vector<ResourceLine> lines;
  for (const char* path : {"/api", "/apis"}) {
    Call call;
    call.path = path;
    call.accept = kDiscoveryAccept;
    const Json groups = TRY(session.fetch(call));
    for (const Json& group : array_at(groups, "items")) {
      if (array_at(group, "versions").empty()) continue;
      const Json& version = array_at(group, "versions")[0];
      for (const Json& r : array_at(version, "resources")) {
        ResourceLine line{name_of(group),
                          string_at(version, "version"),
                          string_at(r, "resource"),
                          words_of(array_at(r, "shortNames")),
                          string_at(object_at(r, "responseKind"), "kind"),
                          words_of(array_at(r, "verbs")),
                          words_of(array_at(r, "categories")),
                          string_at(r, "scope") == "Namespaced"};
        lines.push_back(std::move(line));
      }
    }
  }
  std::stable_sort(lines.begin(), lines.end(), [](const ResourceLine& a, const ResourceLine& b) {
    return std::pair(a.group, a.name) < std::pair(b.group, b.name);
  });
  return lines;
}

}  // namespace

Result<int> events(Session& session, const EventsOptions& options) {
  return EventLister(session, options, TRY(OutputFormat::parse(options.output))).run();
}

Result<int> api_resources(Session& session, const ApiResourcesOptions& options) {
  if (!options.output.empty() && options.output != "wide" && options.output != "name") {
    return usage(fmt::format("--output {} is not available", options.output));
  }
  const bool wide = options.output == "wide", name_only = options.output == "name";
  TabWriter writer = TabWriter::for_tables();
  if (!options.no_headers && !name_only) {
    writer.write(
        fmt::format("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND{}\n", wide ? "\tVERBS\tCATEGORIES" : ""));
  }
  for (const ResourceLine& r : TRY(discover(session))) {
    if (options.namespaced && *options.namespaced != r.namespaced) continue;
    if (!options.group.empty() && options.group != r.group) continue;
    if (name_only) {
      writer.write(r.name + (r.group.empty() ? "" : "." + r.group) + "\n");
      continue;
    }
    const std::string api_version = r.group.empty() ? r.version : r.group + "/" + r.version;
    writer.write(fmt::format("{}\t{}\t{}\t{}\t{}{}\n", r.name, r.shorts, api_version, r.namespaced, r.kind,
                             wide ? "\t" + r.verbs + "\t" + r.categories : ""));
  }
  session.out << writer.flush();
  return 0;
}

Result<int> version(Session& session, const std::string& output) {
  Call call;
  call.path = "/version";
  const Json server = TRY(session.fetch(call));
  if (output == "json") {
    session.out << go_json({{"serverVersion", server}}, 2) << '\n';
  } else if (output == "yaml") {
    session.out << to_yaml({{"serverVersion", server}});
  } else if (output.empty()) {
    session.out << "Server Version: " << string_at(server, "gitVersion") << '\n';
  } else {
    return usage("--output must be 'yaml' or 'json'");
  }
  return 0;
}

}  // namespace minik::kubectl
