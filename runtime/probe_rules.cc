#include "runtime/probe_rules.h"

#include <fmt/format.h>

#include <cstring>

#include "base/text.h"

namespace minik::runtime {

std::optional<bool> ProbeTally::add(bool good) {
  if (good) {
    failures_ = 0;
    if (++successes_ >= success_threshold_) return true;
  } else {
    successes_ = 0;
    if (++failures_ >= failure_threshold_) return false;
  }
  return std::nullopt;
}

std::string host_and_port(const std::string& ip, int port) {
  return ip.find(':') == std::string::npos ? fmt::format("{}:{}", ip, port)
                                           : fmt::format("[{}]:{}", ip, port);
}

HttpTarget http_target(const api::Probe& probe, const std::string& ip, int port, const std::string& version) {
  HttpTarget target;
  target.host = host_and_port(probe.host.empty() ? ip : probe.host, port);
  const std::string path = starts_with(probe.path, "/") ? probe.path : "/" + probe.path;
  target.url = fmt::format("{}://{}{}", lower(probe.scheme), target.host, path);
  std::string host_header = target.host;
  std::string user_agent = "kube-probe/" + version;
  std::string accept = "*/*";
  std::string others;
  for (const auto& [name, value] : probe.headers) {
    const std::string key = lower(name);
    if (key == "host")
      host_header = value;
    else if (key == "user-agent")
      user_agent = value;
    else if (key == "accept")
      accept = value;
    else
      others += name + ": " + value + "\r\n";
  }
  target.request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: {}\r\n{}Connection: close\r\n\r\n", path,
      host_header, user_agent, accept, others);
  return target;
}

std::optional<ProbeResult> judge_http(std::string_view answer) {
  const auto end = answer.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto words = split_words(trim(answer.substr(0, end)));
  const auto status = words.size() < 2 ? std::nullopt : parse_int(words[1]);
  if (!status || !starts_with(words[0], "HTTP/")) {
    return ProbeResult{false, fmt::format("malformed HTTP response \"{}\"", trim(answer.substr(0, end)))};
  }
  if (*status >= 200 && *status < 400) return ProbeResult{true, ""};
  return ProbeResult{false, fmt::format("HTTP probe failed with statuscode: {}", *status)};
}

std::string dial_error(const std::string& address, int err) {
  std::string text = std::strerror(err);
  if (!text.empty()) text[0] = lower(text.substr(0, 1))[0];
  return fmt::format("dial tcp {}: connect: {}", address, text);
}

std::string dial_timeout(const std::string& address) {
  return fmt::format("dial tcp {}: i/o timeout", address);
}

std::string http_timeout(const HttpTarget& target) {
  return fmt::format("Get \"{}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                     target.url);
}

}  // namespace minik::runtime
