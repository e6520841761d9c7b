// Printers: objects as tables, YAML, JSON, names or through a template, with kubectl's layout.
//
// Pure: values in, text out; the table printer remembers what it printed, so that a watch continues its
// table. Errors: finished texts (failure.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/jsonpath.h"
#include "api/schema.h"
#include "base/json.h"
#include "base/result.h"
#include "kubectl-lite/tabwriter.h"

namespace minik::kubectl {

// -o: what to print.
struct OutputFormat {
  enum class Kind : unsigned char { kTable, kWide, kYaml, kJson, kName, kJsonPath } kind = Kind::kTable;
  std::optional<api::JsonPath> jsonpath;
  std::string text;  // The template.
  bool show_managed_fields = false;

  bool table() const { return kind == Kind::kTable || kind == Kind::kWide; }
  // "", wide, yaml, json, name, jsonpath=TEMPLATE, jsonpath-file=FILE.
  static Result<OutputFormat> parse(const std::string& flag);
};

struct TableLayout {
  bool wide = false, no_headers = false, with_namespace = false, show_labels = false;
  std::string kind_prefix;                 // "pod": names become pod/web.
  std::vector<std::string> label_columns;  // -L
};

// Prints metav1.Tables, one after the other, into a TabWriter.
class TablePrinter {
 public:
  explicit TablePrinter(TableLayout layout) : layout_(std::move(layout)) {}
  void print(const Json& table, TabWriter& writer);

 private:
  void print_header(TabWriter& writer) const;
  void print_row(const Json& row, TabWriter& writer) const;

  TableLayout layout_;
  Json columns_ = Json::array();  // Of the last table that had some.
  bool printed_header_ = false;
};

// One object.  `first` is false for those after the first: YAML documents are then separated.
Result<std::string> print_object(const OutputFormat& format, const api::Kind& kind, Json object, bool first);

// {"apiVersion":"v1","items":[…],"kind":"List","metadata":{"resourceVersion":""}}
Json list_of(Json items);

}  // namespace minik::kubectl
