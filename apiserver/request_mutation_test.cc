// Thousands of random mutations of valid requests: no crash, no 500, and what was accepted is accepted again.
#include <gtest/gtest.h>

#include <random>

#include "apiserver/handler.h"
#include "apiserver/no_pods.h"
#include "apiserver/upgrade.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

struct Seed {
  const char *method, *target, *body, *type;
};
constexpr const char* kJson = "application/json";
constexpr Seed kSeeds[] = {
    {"GET", "/api/v1/namespaces/default/services?limit=2&labelSelector=a%3Db&resourceVersion=1", "", kJson},
    {"GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn&resourceVersionMatch=NotOlderThan", "", kJson},
    {"GET", "/api/v1/configmaps?watch=true&resourceVersion=0&timeoutSeconds=1", "", kJson},
    {"GET", "/api/v1/configmaps?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9", "",
     kJson},
    {"GET", "/apis/apps/v1/namespaces/default/deployments/d/scale", "", kJson},
    {"POST", "/api/v1/namespaces/default/configmaps", R"({"metadata":{"name":"c"},"data":{"a":"b"}})", kJson},
    {"POST", "/api/v1/namespaces/default/services?fieldValidation=Strict",
     R"({"metadata":{"name":"s","labels":{"a":"b"}},"spec":{"ports":[{"port":80,"targetPort":"x"}]}})",
     kJson},
    {"POST", "/api/v1/namespaces/default/pods",
     R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":1}]}]}})",
     kJson},
    {"POST", "/apis/apps/v1/namespaces/default/deployments",
     R"({"metadata":{"name":"d"},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":)"
     R"({"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})",
     kJson},
    {"PATCH", "/apis/apps/v1/namespaces/default/deployments/d",
     R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"j"}]}}}})",
     "application/strategic-merge-patch+json"},
    {"PATCH", "/api/v1/namespaces/default/services/s",
     R"([{"op":"replace","path":"/spec/ports/0/port","value":81}])", "application/json-patch+json"},
    {"PATCH", "/api/v1/namespaces/default/configmaps/c", R"({"data":{"a":null,"x":"y"}})",
     "application/merge-patch+json"},
    {"PUT", "/api/v1/namespaces/default/configmaps/c", R"({"metadata":{"name":"c"},"data":{"a":"z"}})",
     kJson},
    {"DELETE", "/api/v1/namespaces/default/configmaps/c?propagationPolicy=Background",
     R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})", kJson},
};

class RequestMutation : public ::testing::Test {
 protected:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  void bytes(std::string& text) {
    static const std::vector<std::string> kPieces = {"\"",
                                                     "{",
                                                     "}",
                                                     "[",
                                                     ",",
                                                     "null",
                                                     "-1",
                                                     "1e999",
                                                     "18446744073709551616",
                                                     std::string(1, '\0'),
                                                     "\xff",
                                                     "\n",
                                                     "%2F",
                                                     "%00",
                                                     "%",
                                                     "//",
                                                     "/./",
                                                     "..",
                                                     "=",
                                                     "&",
                                                     "\\ud800",
                                                     "true",
                                                     "{\"a\":1,\"a\":2}",
                                                     "status",
                                                     "namespaces",
                                                     "watch"};
    const std::size_t at = text.empty() ? 0 : pick(text.size());
    switch (pick(4)) {
      case 0:
        text.insert(at, kPieces[pick(kPieces.size())]);
        break;
      case 1:
        if (!text.empty()) text.erase(at, 1 + pick(8));
        break;
      case 2:
        if (!text.empty()) text[at] = static_cast<char>(pick(256));
        break;
      default:
        text.insert(at, text.substr(at, pick(20) + 1));
        break;
    }
  }

  // Replaces, removes or adds somewhere in the value.
  void structure(Json& value) {
    static const std::vector<Json> kValues = {nullptr,
                                              true,
                                              -1,
                                              0,
                                              70000,
                                              1e300,
                                              "",
                                              "a",
                                              "A B",
                                              "\n",
                                              Json::array(),
                                              Json::object(),
                                              Json::array({1}),
                                              std::string(300, 'x'),
                                              std::uint64_t{18446744073709551615U}};
    if (value.is_structured() && !value.empty() && pick(5) > 0) {
      auto it = value.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(pick(value.size())));
      if (pick(8) == 0)
        value.erase(it);
      else
        structure(*it);
    } else if (value.is_object() && pick(2) == 0) {
      value["bogus"] = kValues[pick(kValues.size())];
    } else {
      value = kValues[pick(kValues.size())];
    }
  }

  Response send(Request request) {
    request.user = User{"admin", {"system:masters"}};
    return handler_.handle(request);
  }

  Request mutant() {
    const Seed& seed = kSeeds[pick(std::size(kSeeds))];
    std::string target = seed.target, method = seed.method;
    Request request;
    request.body = seed.body;
    request.content_type = seed.type;
    for (std::size_t i = 0; i <= pick(3); ++i) {
      switch (pick(7)) {
        case 0:
          bytes(target);
          break;
        case 1:
          bytes(request.body);
          break;
        case 2:
          bytes(request.content_type);
          break;
        case 3:
          bytes(request.accept);
          break;
        case 4:
          method = kSeeds[pick(std::size(kSeeds))].method;
          break;
        default:
          if (auto json = parse_json(request.body); json.ok()) {
            structure(*json);
            request.body = to_text(*json);
          }
      }
    }
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (const auto at = target.find('?'); at != std::string::npos)
      request.query = parse_query(target.substr(at + 1));
    return request;
  }

  std::mt19937 random_{20'240'611};
  FakeClock clock_;
  std::unique_ptr<Store> store_ = Store::open(std::make_unique<MemoryJournal>()).value();
  Registry registry_{*store_, clock_, {{Cidr::parse("10.96.0.0/16").value()}}};
  NoPods pods_;
  Handler handler_{{*store_, registry_, clock_, pods_, "test", [] { return ""; },
                    [](const Request&) { return Response{}; }, [](std::uint64_t) {}}};
};

TEST_F(RequestMutation, NeitherCrashesNorAcceptsNonsense) {
  Request first;
  first.method = "POST";
  first.path = "/api/v1/namespaces";
  first.body = R"({"metadata":{"name":"default"}})";
  first.content_type = kJson;
  ASSERT_EQ(send(first).status, 201);
  int accepted = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Request request = mutant();
    const auto before = store_->snapshot();
    const Response response = send(request);
    ASSERT_NE(response.status, 500) << request.method << " " << request.path << "\n"
                                    << request.body << "\n"
                                    << response.body;
    const bool writes = request.method != "GET";
    if (writes && response.status >= 400) {
      ASSERT_EQ(store_->snapshot()->revision(), before->revision()) << "a refused request changed something";
    }
    if (!writes || response.status >= 300 || store_->snapshot()->revision() == before->revision()) continue;
    ++accepted;
    for (const auto& resource : store_->snapshot()->resources()) {
      api::Snapshot::diff(before.get(), *store_->snapshot(), resource,
                          [&](const auto&, const api::ObjectPtr& now) {
                            if (now == nullptr) return;
                            ASSERT_TRUE(parse_json(now->bytes()).ok()) << now->bytes();
                            ASSERT_EQ(now->revision(), store_->snapshot()->revision());
                            const Json again = parse_json(now->bytes()).value();
                            ASSERT_EQ(string_at(object_at(again, "metadata"), "resourceVersion"),
                                      std::to_string(now->revision()));
                            if (now->meta().deletion) return;
                            const api::Kind* kind = parse_route(request.path)->kind;
                            Request put;
                            put.method = "PUT";
                            put.path = (kind->group.empty() ? "/api/" : "/apis/" + kind->group + "/") +
                                       kind->version + (now->ns().empty() ? "" : "/namespaces/" + now->ns()) +
                                       "/" + kind->resource + "/" + now->name();
                            put.query.emplace("dryRun", "All");
                            put.content_type = kJson;
                            put.body = now->bytes();
                            const Response same = send(put);
                            ASSERT_EQ(same.status, 200) << request.method << " " << request.path << "\n"
                                                        << request.body << "\n"
                                                        << same.body;
                          });
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace minik::apiserver
