// Requests with protobuf bodies: what typed Go clients see, and that it is what a JSON request would have
// done.
#include <gtest/gtest.h>

#include "apiserver/handler.h"
#include "apiserver/no_pods.h"
#include "base/limits.h"

namespace minik::apiserver {
namespace {

constexpr const char* kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7) bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  return bytes + static_cast<char>(value);
}
std::string text(int number, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string number(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}
std::string envelope(const std::string& api_version, const std::string& kind, const std::string& raw) {
  return std::string("k8s\0", 4) + text(1, text(1, api_version) + text(2, kind)) + text(2, raw) +
         text(3, "") + text(4, "");
}
std::string config_map(const std::string& name, const std::string& value, const std::string& more = "") {
  return envelope("v1", "ConfigMap",
                  text(1, text(1, name) + text(2, "") + text(8, "") + more) +
                      text(2, text(1, "key") + text(2, value)) +
                      text(3, text(1, "raw") + text(2, "\xff\xfe")));
}

class ProtobufRequests : public ::testing::Test {
 protected:
  ProtobufRequests() {
    send("POST", "/api/v1/namespaces", R"({"metadata":{"name":"default"}})", "application/json");
  }

  Response send(const std::string& method, const std::string& path, const std::string& body,
                const std::string& type = kProtobuf, std::multimap<std::string, std::string> query = {}) {
    Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = body;
    request.content_type = type;
    request.accept = "application/vnd.kubernetes.protobuf,application/json";
    request.user = User{"admin", {"system:masters"}};
    return handler_.handle(request);
  }
  static Json json(const Response& response) { return parse_json(response.body).value(); }
  void expect_refused(const Response& response, int status, const std::string& message) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_NE(string_at(json(response), "message").find(message), std::string::npos) << response.body;
  }

  FakeClock clock_;
  std::unique_ptr<Store> store_ = Store::open(std::make_unique<MemoryJournal>()).value();
  Registry registry_{*store_, clock_, {{Cidr::parse("10.96.0.0/24").value()}}};
  NoPods pods_;
  Handler handler_{{*store_, registry_, clock_, pods_, "test", [] { return ""; },
                    [](const Request&) { return Response{}; }, [](std::uint64_t) {}}};
};

TEST_F(ProtobufRequests, CreateAndReplaceAsJsonDoes) {
  const Response made = send("POST", kMaps, config_map("a", "one"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.content_type, "application/json");
  Json same = json(send("POST", kMaps,
                        R"({"metadata":{"name":"b","creationTimestamp":null},"data":{"key":"one"},)"
                        R"("binaryData":{"raw":"//4="}})",
                        "application/json"));
  Json got = json(made);
  for (const char* own : {"name", "uid", "resourceVersion", "managedFields"}) {
    got["metadata"].erase(own);
    same["metadata"].erase(own);
  }
  EXPECT_EQ(got, same);
  const std::string version = json(made)["metadata"]["resourceVersion"];
  EXPECT_EQ(send("PUT", std::string(kMaps) + "/a", config_map("a", "two", text(6, "1"))).status, 409);
  const Response changed = send("PUT", std::string(kMaps) + "/a", config_map("a", "two", text(6, version)));
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(json(changed)["data"]["key"], "two");
}

TEST_F(ProtobufRequests, ScaleToZeroIsMeant) {
  const Json deployment = Json::parse(R"({"metadata":{"name":"d"},"spec":{"replicas":2,
      "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  const std::string all = "/apis/apps/v1/namespaces/default/deployments";
  ASSERT_EQ(send("POST", all, deployment.dump(), "application/json").status, 201);
  const auto scale = [&](std::uint64_t replicas) {
    return envelope("autoscaling/v1", "Scale",
                    text(1, text(1, "d") + text(3, "default")) + text(2, number(1, replicas)));
  };
  const Response scaled = send("PUT", all + "/d/scale", scale(3));
  ASSERT_EQ(scaled.status, 200) << scaled.body;
  EXPECT_EQ(json(send("GET", all + "/d", ""))["spec"]["replicas"], 3);
  ASSERT_EQ(send("PUT", all + "/d/scale", scale(0)).status, 200);
  EXPECT_EQ(json(send("GET", all + "/d", ""))["spec"]["replicas"], 0);
}

TEST_F(ProtobufRequests, DeleteOptionsCount) {
  const Response made = send("POST", kMaps, config_map("a", "one"));
  const std::string uid = json(made)["metadata"]["uid"], one = std::string(kMaps) + "/a";
  const auto options = [](const std::string& raw) { return envelope("v1", "DeleteOptions", raw); };
  EXPECT_EQ(send("DELETE", one, options(text(2, text(1, "another")))).status, 409);
  EXPECT_EQ(send("DELETE", one, options(text(5, "All"))).status, 200);
  expect_refused(send("DELETE", one, options(text(4, "Sideways"))), 400, "Sideways");
  EXPECT_EQ(send("GET", one, "").status, 200);
  EXPECT_EQ(send("DELETE", one, options(number(1, 0) + text(2, text(1, uid)))).status, 200);
  EXPECT_EQ(send("GET", one, "").status, 404);
}

TEST_F(ProtobufRequests, BadBodiesChangeNothing) {
  expect_refused(send("POST", kMaps, "{}"), 400,
                 "cannot be handled as a ConfigMap: the body is no valid protobuf");
  expect_refused(send("POST", kMaps, envelope("v1", "ConfigMap", "\x0a\x7f")), 400,
                 "longer than the message");
  expect_refused(send("POST", kMaps, envelope("v1", "Secret", "")), 400,
                 "the kind in the data (Secret) does not match the expected kind (ConfigMap)");
  expect_refused(send("POST", kMaps, envelope("example.com/v1", "ConfigMap", "")), 415, "example.com/v1");
  expect_refused(send("PATCH", std::string(kMaps) + "/a", config_map("a", "one")), 415, "merge-patch+json");
  EXPECT_EQ(send("POST", kMaps, config_map("big", std::string(kRequestBodyMax, 'x'))).status, 413);
  EXPECT_EQ(json(send("GET", kMaps, ""))["items"], Json::array());
}

TEST_F(ProtobufRequests, FieldsOfNewerClientsAreNoMistake) {
  const Response made = send("POST", kMaps, config_map("a", "one", text(900, "new") + text(4, "selfLink")),
                             kProtobuf, {{"fieldValidation", "Strict"}});
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_TRUE(made.warnings.empty());
}

}  // namespace
}  // namespace minik::apiserver
