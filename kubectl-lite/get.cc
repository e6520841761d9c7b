#include "kubectl-lite/get.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "kubectl-lite/failure.h"
#include "kubectl-lite/manifests.h"
#include "kubectl-lite/printer.h"
#include "kubectl-lite/resource_args.h"
#include "kubectl-lite/watch_stream.h"

namespace minik::kubectl {
namespace {

constexpr const char* kTableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

// One request: a kind's list or one object, in one namespace.
struct Wanted {
  Target target;
  std::string ns;
};

class Getter {
 public:
  Getter(Session& session, const GetOptions& options, OutputFormat format)
      : session_(session), options_(options), format_(std::move(format)) {}

  Result<int> run() {
    TRY(find_wanted());
    if (options_.watch || options_.watch_only) return watch_one();
    return format_.table() ? tables() : objects();
  }

 private:
  Result<> find_wanted() {
    if (!options_.files.empty()) {
      for (const Manifest& manifest : TRY(load_manifests(session_, options_.files, false))) {
        wanted_.push_back({{manifest.kind, name_of(manifest.object)}, namespace_of(manifest.object)});
      }
      several_kinds_ = std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& w) {
        return w.target.kind != wanted_.front().target.kind;
      });
      return {};
    }
    const Targets targets = TRY(parse_targets(options_.args, "get"));
    several_kinds_ = targets.several_kinds;
    if (targets.by_name() && (!options_.labels.empty() || !options_.fields.empty())) {
      return failed(fmt::format("{} cannot be used when a name is given",
                                options_.labels.empty() ? "field selectors" : "selectors"));
    }
    if (targets.by_name() && options_.all_namespaces) {
      return failed("a resource cannot be retrieved by name across all namespaces");
    }
    for (const Target& target : targets.list) {
      wanted_.push_back({target, options_.all_namespaces || !target.kind->namespaced ? "" : session_.ns});
    }
    return {};
  }

  Call call_of(const Wanted& wanted) const {
    Call call = get_call(*wanted.target.kind, wanted.ns, wanted.target.name);
    if (format_.table()) call.accept = kTableAccept;
    if (!options_.labels.empty()) call.query.emplace_back("labelSelector", options_.labels);
    if (!options_.fields.empty()) call.query.emplace_back("fieldSelector", options_.fields);
    return call;
  }

  TablePrinter printer_of(const api::Kind& kind) const {
    TableLayout layout;
    layout.wide = format_.kind == OutputFormat::Kind::kWide;
    layout.no_headers = options_.no_headers;
    layout.with_namespace = options_.all_namespaces && kind.namespaced;
    layout.show_labels = options_.show_labels;
    layout.label_columns = options_.label_columns;
    if (several_kinds_ || options_.show_kind) layout.kind_prefix = kind_word(kind);
    return TablePrinter(layout);
  }

  // Prints an error of one request; only NotFound may be ignored.
  bool report(const Error& error) {
    if (error.code() == Code::kNotFound && options_.ignore_not_found) return false;
    session_.err << error.message() << '\n';
    return true;
  }

  Result<int> tables() {
    TabWriter writer = TabWriter::for_tables();
    std::vector<Error> errors;
    const api::Kind* last = nullptr;
    std::optional<TablePrinter> printer;
    bool wrote = false;
    for (const Wanted& wanted : wanted_) {
      const auto table = session_.fetch(call_of(wanted));
      if (!table.ok()) {
        if (table.error().code() == Code::kUnavailable) return table.error();
        errors.push_back(table.error());
        continue;
      }
      if (wanted.target.kind != last) {
        show(writer.flush(), wrote, last != nullptr);
        writer.forget_widths();
        printer.emplace(printer_of(*wanted.target.kind));
        last = wanted.target.kind;
      }
      printer->print(*table, writer);
    }
    show(writer.flush(), wrote, true);
    bool bad = false;
    for (const Error& error : errors) bad = report(error) || bad;
    if (!wrote && errors.empty() && !options_.ignore_not_found) say_nothing_found();
    return bad ? 1 : 0;
  }

  // Groups of different kinds are parted by an empty line.
  void show(const std::string& text, bool& wrote, bool part) {
    if (text.empty()) return;
    if (wrote && part && !options_.no_headers) session_.out << '\n';
    session_.out << text;
    wrote = true;
  }

  void say_nothing_found() {
    const bool namespaced = std::all_of(wanted_.begin(), wanted_.end(),
                                        [](const Wanted& w) { return w.target.kind->namespaced; });
    if (namespaced && !options_.all_namespaces)
      session_.err << "No resources found in " << session_.ns << " namespace.\n";
    else
      session_.err << "No resources found\n";
  }

  Result<int> objects() {
    Json items = Json::array();
    bool bad = false, listed = false;
    for (const Wanted& wanted : wanted_) {
      auto answer = session_.fetch(call_of(wanted));
      if (!answer.ok()) {
        if (answer.error().code() == Code::kUnavailable) return answer.error();
        bad = report(answer.error()) || bad;
        continue;
      }
      if (!wanted.target.name.empty()) {
        items.push_back(*std::move(answer));
        continue;
      }
      listed = true;
      for (Json item : array_at(*answer, "items")) {
        set_type(item, *wanted.target.kind);
        items.push_back(std::move(item));
      }
    }
    const bool single = !listed && wanted_.size() == 1;
    if (single && items.empty()) return bad ? 1 : 0;
    if (bad && items.empty()) return 1;
    const Json object = single ? items[0] : list_of(std::move(items));
    session_.out << TRY(print_object(format_, *wanted_.front().target.kind, object, true));
    return bad ? 1 : 0;
  }

  Result<int> watch_one() {
    if (several_kinds_) return failed("you may only specify a single resource type");
    if (wanted_.size() != 1) {
      return failed(
          "watch is only supported on individual resources and resource collections - more than 1 resource "
          "was found");
    }
    const Wanted& wanted = wanted_.front();
    const api::Kind& kind = *wanted.target.kind;
    const Json now = TRY(session_.fetch(call_of(wanted)));
    TablePrinter printer = printer_of(kind);
    TabWriter writer = TabWriter::for_tables();
    bool first = true;
    if (!options_.watch_only) TRY(show_watched(now, kind, printer, writer, first));
    Call call = call_of(wanted);
    const bool single = !wanted.target.name.empty();
    if (single) {  // The object's revision is not the collection's: start from now and pass over its first
                   // event.
      call.path = path_of(kind, wanted.ns);
      call.query.emplace_back("fieldSelector", "metadata.name=" + wanted.target.name);
    }
    bool skip = single;
    TRY(watch(session_, call, single ? "0" : string_at(object_at(now, "metadata"), "resourceVersion"),
              [&](const WatchEvent& event) -> Result<bool> {
                if (!std::exchange(skip, false))
                  TRY(show_watched(event.object, kind, printer, writer, first));
                return session_.out.good();
              }));
    return 0;
  }

  Result<> show_watched(const Json& object, const api::Kind& kind, TablePrinter& printer, TabWriter& writer,
                        bool& first) {
    if (format_.table()) {
      printer.print(object, writer);
      session_.out << writer.flush() << std::flush;
      return {};
    }
    const Json* items = find(object, "items");
    std::vector<Json> parts;
    if (items != nullptr && items->is_array())
      parts.assign(items->begin(), items->end());
    else
      parts.push_back(object);
    for (Json& part : parts) {
      set_type(part, kind);
      session_.out << TRY(print_object(format_, kind, std::move(part), first)) << std::flush;
      first = false;
    }
    return {};
  }

  Session& session_;
  const GetOptions& options_;
  OutputFormat format_;
  std::vector<Wanted> wanted_;
  bool several_kinds_ = false;
};

}  // namespace

Result<int> get(Session& session, const GetOptions& options) {
  OutputFormat format = TRY(OutputFormat::parse(options.output));
  format.show_managed_fields = options.show_managed_fields;
  return Getter(session, options, std::move(format)).run();
}

}  // namespace minik::kubectl
