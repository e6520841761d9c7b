#include "kubectl-lite/printer.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "base/yaml.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/session.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

constexpr const char* kFormats = "json,jsonpath,jsonpath-file,name,wide,yaml";

// A cell as kubectl shows it: one line, control characters made visible.
std::string cell_text(const Json& cell) {
  if (cell.is_null()) return "";
  std::string text = cell.is_string() ? cell.get<std::string>() : to_text(cell);
  const auto line_end = text.find_first_of("\f\n\r");
  if (line_end != std::string::npos) text = text.substr(0, line_end) + "...";
  text = replace_all(std::move(text), "\x1b", "^[");
  return replace_all(std::move(text), "\t", " ");
}

std::string labels_text(const Json& labels) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : labels.items())
    parts.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : ""));
  return parts.empty() ? "<none>" : join(parts, ",");
}

// kubectl names a -L column after the part of the label behind the slash.
std::string label_title(const std::string& label) { return upper(label.substr(label.rfind('/') + 1)); }

void drop_managed_fields(Json& object) {
  if (!object.is_object()) return;
  if (const auto meta = object.find("metadata"); meta != object.end() && meta->is_object())
    meta->erase("managedFields");
  if (const auto items = object.find("items"); items != object.end() && items->is_array()) {
    for (Json& item : *items) drop_managed_fields(item);
  }
}

std::string names_text(const api::Kind& kind, const Json& object) {
  const Json* items = find(object, "items");
  if (items == nullptr || !items->is_array()) return kind_word(kind) + "/" + name_of(object) + "\n";
  std::string text;
  for (const Json& item : *items) {
    const api::Kind* own =
        api::Schema::builtin().by_kind(string_at(item, "apiVersion"), string_at(item, "kind"));
    text += kind_word(own == nullptr ? kind : *own) + "/" + name_of(item) + "\n";
  }
  return text;
}

}  // namespace

Result<OutputFormat> OutputFormat::parse(const std::string& flag) {
  OutputFormat format;
  const auto at = flag.find('=');
  const std::string word = flag.substr(0, at);
  if (flag.empty()) return format;
  if (word == "wide")
    format.kind = Kind::kWide;
  else if (word == "yaml")
    format.kind = Kind::kYaml;
  else if (word == "json")
    format.kind = Kind::kJson;
  else if (word == "name")
    format.kind = Kind::kName;
  else if (word == "jsonpath" || word == "jsonpath-file")
    format.kind = Kind::kJsonPath;
  else
    return failed(fmt::format(
        "unable to match a printer suitable for the output format \"{}\", allowed formats are: {}", flag,
        kFormats));
  if (format.kind != Kind::kJsonPath) return format;
  format.text = at == std::string::npos ? "" : flag.substr(at + 1);
  if (word == "jsonpath-file") {
    auto text = read_file(format.text);
    if (!text.ok())
      return failed(fmt::format("error reading --template {}, {}", format.text, text.error().message()));
    format.text = *std::move(text);
  }
  if (format.text.empty()) return failed("template format specified but no template given");
  auto parsed = api::JsonPath::parse(format.text);
  if (!parsed.ok())
    return failed(fmt::format("error parsing jsonpath {}, {}", format.text, parsed.error().message()));
  format.jsonpath = *std::move(parsed);
  return format;
}

void TablePrinter::print_header(TabWriter& writer) const {
  std::vector<std::string> titles;
  if (layout_.with_namespace) titles.push_back("NAMESPACE");
  for (const Json& column : columns_) {
    if (layout_.wide || int_at(column, "priority") == 0) titles.push_back(upper(string_at(column, "name")));
  }
  for (const std::string& label : layout_.label_columns) titles.push_back(label_title(label));
  if (layout_.show_labels) titles.push_back("LABELS");
  writer.write(join(titles, "\t") + "\n");
}

void TablePrinter::print_row(const Json& row, TabWriter& writer) const {
  const Json& meta = object_at(object_at(row, "object"), "metadata");
  const Json& labels = object_at(meta, "labels");
  std::vector<std::string> cells;
  if (layout_.with_namespace) cells.push_back(string_at(meta, "namespace"));
  const Json& values = array_at(row, "cells");
  for (std::size_t i = 0; i < values.size() && i < columns_.size(); ++i) {
    if (!layout_.wide && int_at(columns_[i], "priority") != 0) continue;
    std::string text = cell_text(values[i]);
    const bool is_name =
        string_at(columns_[i], "format") == "name" && string_at(columns_[i], "type") == "string";
    if (is_name && !layout_.kind_prefix.empty()) text = layout_.kind_prefix + "/" + text;
    cells.push_back(std::move(text));
  }
  for (const std::string& label : layout_.label_columns) cells.push_back(string_at(labels, label));
  if (layout_.show_labels) cells.push_back(labels_text(labels));
  writer.write(join(cells, "\t") + "\n");
}

void TablePrinter::print(const Json& table, TabWriter& writer) {
  const Json& columns = array_at(table, "columnDefinitions");
  const Json& rows = array_at(table, "rows");
  const bool known = columns.empty() || columns == columns_;
  if (!known) columns_ = columns;
  if (rows.empty()) return;
  if (!layout_.no_headers && !(printed_header_ && known)) print_header(writer);
  printed_header_ = true;
  for (const Json& row : rows) print_row(row, writer);
}

Result<std::string> print_object(const OutputFormat& format, const api::Kind& kind, Json object, bool first) {
  if (!format.show_managed_fields) drop_managed_fields(object);
  switch (format.kind) {
    case OutputFormat::Kind::kYaml:
      return (first ? "" : "---\n") + to_yaml(object);
    case OutputFormat::Kind::kJson:
      return go_json(object, 4) + "\n";
    case OutputFormat::Kind::kName:
      return names_text(kind, object);
    case OutputFormat::Kind::kJsonPath: {
      auto text = format.jsonpath->print(object);
      if (!text.ok()) {
        return failed(fmt::format("error executing jsonpath \"{}\": Error executing template: {}",
                                  format.text, text.error().message()));
      }
      return text;
    }
    case OutputFormat::Kind::kTable:
    case OutputFormat::Kind::kWide:
      break;
  }
  return std::string();
}

Json list_of(Json items) {
  return {{"apiVersion", "v1"},
          {"kind", "List"},
          {"metadata", {{"resourceVersion", ""}}},
          {"items", std::move(items)}};
}

}  // namespace minik::kubectl
