#include "kubectl-lite/printer.h"

#include <gtest/gtest.h>

#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

const Json kPods = *parse_json(R"({"kind":"Table","columnDefinitions":[
  {"name":"Name","type":"string","format":"name","priority":0},{"name":"Ready","type":"string","priority":0},
  {"name":"Restarts","type":"integer","priority":0},{"name":"IP","type":"string","priority":1}],
  "rows":[{"cells":["web-1","1/1",0,"10.0.0.2"],
           "object":{"metadata":{"namespace":"default","labels":{"app":"web","tier":"x"}}}},
          {"cells":["db","0/1",12,null],"object":{"metadata":{"namespace":"a"}}}]})");

std::string print(TableLayout layout, const std::vector<Json>& tables) {
  TablePrinter printer(std::move(layout));
  TabWriter writer = TabWriter::for_tables();
  std::string out;
  for (const Json& table : tables) {
    printer.print(table, writer);
    out += writer.flush();
  }
  return out;
}

TEST(TablePrinter, PrintsAsKubectl) {
  EXPECT_EQ(print({}, {kPods}), "NAME    READY   RESTARTS\nweb-1   1/1     0\ndb      0/1     12\n");
  TableLayout wide;
  wide.wide = true;
  EXPECT_EQ(
      print(wide, {kPods}),
      "NAME    READY   RESTARTS   IP\nweb-1   1/1     0          10.0.0.2\ndb      0/1     12         \n");
}

TEST(TablePrinter, AddsColumns) {
  TableLayout layout;
  layout.with_namespace = layout.show_labels = true;
  layout.label_columns = {"example.com/tier", "tier"};
  layout.kind_prefix = "pod";
  EXPECT_EQ(print(layout, {kPods}),
            "NAMESPACE   NAME        READY   RESTARTS   TIER   TIER   LABELS\n"
            "default     pod/web-1   1/1     0                 x      app=web,tier=x\n"
            "a           pod/db      0/1     12                       <none>\n");
}

TEST(TablePrinter, GoesOnWithItsTable) {
  Json event = kPods;
  event["columnDefinitions"] = nullptr;
  event["rows"] = *parse_json(R"([{"cells":["a-very-long-name","1/1",0,""],"object":{}}])");
  EXPECT_EQ(
      print({}, {kPods, event}),
      "NAME    READY   RESTARTS\nweb-1   1/1     0\ndb      0/1     12\na-very-long-name   1/1     0\n");
  Json shorter = event;
  shorter["rows"] = *parse_json(R"([{"cells":["x","1/1",0,""],"object":{}}])");
  EXPECT_EQ(print({}, {kPods, event, shorter}),
            "NAME    READY   RESTARTS\nweb-1   1/1     0\ndb      0/1     12\na-very-long-name   1/1     "
            "0\nx                  1/1     0\n");
}

TEST(TablePrinter, SaysNothingWithoutRows) {
  Json empty = kPods;
  empty["rows"] = Json::array();
  EXPECT_EQ(print({}, {empty}), "");
  EXPECT_EQ(print({}, {empty, kPods}), "NAME    READY   RESTARTS\nweb-1   1/1     0\ndb      0/1     12\n");
}

TEST(TablePrinter, KeepsCellsOnOneLine) {
  Json table = kPods;
  table["rows"] = *parse_json(R"([{"cells":["a\nb","\u001b[31m",0,""],"object":{}}])");
  TableLayout layout;
  layout.no_headers = true;
  EXPECT_EQ(print(layout, {table}), "a...   ^[[31m   0\n");
}

const api::Kind& pods() { return *api::Schema::builtin().by_word("pods"); }

std::string print_as(const std::string& flag, const Json& object) {
  const auto format = OutputFormat::parse(flag);
  if (!format.ok()) return format.error().message();
  const auto text = print_object(*format, pods(), object, true);
  return text.ok() ? *text : text.error().message();
}

TEST(Printer, PrintsObjects) {
  const Json pod = {{"apiVersion", "v1"},
                    {"kind", "Pod"},
                    {"metadata", {{"name", "a&b"}, {"managedFields", Json::array()}}}};
  EXPECT_EQ(print_as("json", pod),
            "{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"Pod\",\n    \"metadata\": {\n        \"name\": "
            "\"a\\u0026b\"\n    }\n}\n");
  EXPECT_EQ(print_as("yaml", pod), "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a&b\n");
  EXPECT_EQ(print_as("name", pod), "pod/a&b\n");
  EXPECT_EQ(print_as("jsonpath={.metadata.name}", pod), "a&b");
  const Json deployment = {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"metadata", {{"name", "d"}}}};
  EXPECT_EQ(print_as("name", list_of(Json::array({pod, deployment}))), "pod/a&b\ndeployment.apps/d\n");
  EXPECT_EQ(print_as("xml", pod),
            "error: unable to match a printer suitable for the output format \"xml\", allowed formats are: "
            "json,jsonpath,jsonpath-file,name,wide,yaml");
  EXPECT_EQ(print_as("jsonpath={.a", pod), "error: error parsing jsonpath {.a, unclosed action");
}

TEST(TabWriter, AlignsRunsOfLines) {
  TabWriter writer = TabWriter::for_blocks();
  writer.write("Name:\tx\nLabels:\ta=b\n\tc=d\nIPs:\n  IP:\t1.2.3.4\nLong Title:\tv\n");
  EXPECT_EQ(writer.flush(),
            "Name:    x\nLabels:  a=b\n         c=d\nIPs:\n  IP:        1.2.3.4\nLong Title:  v\n");
}

TEST(Text, ReadsDurations) {
  EXPECT_EQ(parse_duration("1h30m")->count(), 5'400'000);
  EXPECT_EQ(parse_duration("1.5s")->count(), 1'500);
  EXPECT_EQ(parse_duration("-1s")->count(), -1'000);
  EXPECT_EQ(parse_duration("0")->count(), 0);
  EXPECT_FALSE(parse_duration("5"));
  EXPECT_FALSE(parse_duration("x"));
  EXPECT_FALSE(parse_duration(""));
}

}  // namespace
}  // namespace minik::kubectl
