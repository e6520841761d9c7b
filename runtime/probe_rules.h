// Decisions and texts of probes.  Pure.  Specification: pod-runtime.md 7.5.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/pod.h"

namespace minik::runtime {

// Counts results in a row against the thresholds.
class ProbeTally {
 public:
  ProbeTally(int success_threshold, int failure_threshold)
      : success_threshold_(success_threshold), failure_threshold_(failure_threshold) {}
  // The verdict, each time a threshold is reached or passed.
  std::optional<bool> add(bool good);

 private:
  int success_threshold_, failure_threshold_;
  int successes_ = 0, failures_ = 0;
};

struct HttpTarget {
  std::string host, url;  // host: "10.244.0.5:80"; url: as in the texts.
  std::string request;    // The bytes to send.
};
HttpTarget http_target(const api::Probe& probe, const std::string& ip, int port, const std::string& version);

struct ProbeResult {
  bool good = false;
  std::string text;  // Why not.
};
// Of an HTTP answer, or of its beginning; nothing while the status line is not complete.
std::optional<ProbeResult> judge_http(std::string_view answer);

std::string host_and_port(const std::string& ip, int port);   // [fd00::1]:80
std::string dial_error(const std::string& address, int err);  // dial tcp A: connect: connection refused
std::string dial_timeout(const std::string& address);
std::string http_timeout(const HttpTarget& target);

}  // namespace minik::runtime
