// FakeApi: a server that tests write by hand: answers by "METHOD target", each call noted.  For tests.
#pragma once

#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "kubectl-lite/failure.h"
#include "kubectl-lite/session.h"

namespace minik::kubectl {

class FakeApi final : public Api {
 public:
  // Answers to the same call come in the order in which they were added; the last one stays.
  void on(const std::string& call, int status, const std::string& body,
          std::vector<std::string> warnings = {}) {
    answers_[call].push_back({status, body, std::move(warnings)});
  }

  Result<Reply> send(const Call& call) override {
    calls.push_back(call.method + " " + call.target());
    bodies.push_back(call.body);
    return answer_of(calls.back());
  }

  // Hands the body over in two pieces.
  Result<> stream(const Call& call, const std::function<bool(std::string_view)>& take) override {
    calls.push_back(call.method + " " + call.target());
    const Reply reply = answer_of(calls.back());
    if (!reply.ok()) return server_error(reply.status, reply.body);
    const std::string_view body = reply.body;
    if (take(body.substr(0, body.size() / 2))) take(body.substr(body.size() / 2));
    return {};
  }

  Result<std::unique_ptr<Duplex>> upgrade(const Call&, const std::string&, std::string&) override {
    return failed("no upgrades here");
  }

  std::vector<std::string> calls, bodies;

 private:
  Reply answer_of(const std::string& call) {
    auto& queue = answers_[call];
    if (queue.empty())
      return {
          404, R"({"kind":"Status","reason":"NotFound","message":"unexpected call )" + call + R"("})", {}};
    Reply reply = queue.front();
    if (queue.size() > 1) queue.pop_front();
    return reply;
  }

  std::map<std::string, std::deque<Reply>> answers_;
};

// A session at a FakeApi whose streams are strings.
struct FakeSession {
  std::ostringstream out, err;
  std::istringstream in;
  FakeApi api;
  FakeClock clock;
  Session session{out, err, in, api, clock, "default", false, {}};
};

inline std::string status_body(const std::string& reason, const std::string& message) {
  return to_text({{"kind", "Status"}, {"status", "Failure"}, {"reason", reason}, {"message", message}});
}

}  // namespace minik::kubectl
