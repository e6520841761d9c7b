// Api: one cluster's API as the commands see it.  HttpApi speaks HTTPS (cpp-httplib, OpenSSL); tests put a
// scripted one in its place.
//
// Threads: one at a time.  Errors: finished texts (failure.h); a server that is not there is kUnavailable.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "kubectl-lite/kubeconfig_file.h"

namespace minik::kubectl {

using Query = std::vector<std::pair<std::string, std::string>>;

struct Call {
  std::string method = "GET";
  std::string path;
  Query query;
  std::string body;
  std::string content_type = "application/json";
  std::string accept = "application/json";
  std::string target() const;  // Path and encoded query.
};

struct Reply {
  int status = 0;
  std::string body;
  std::vector<std::string> warnings;  // Texts of the Warning headers.
  bool ok() const { return status >= 200 && status < 300; }
};

// Two directions of bytes after an accepted upgrade.
class Duplex {
 public:
  virtual ~Duplex() = default;
  virtual int fd() const = 0;
  // What is there now, appended to `into`; false at the end of the stream.  Never waits.
  virtual Result<bool> read_some(std::string& into) = 0;
  // Takes from the front of `from` what can be sent now.  Never waits.
  virtual Result<> write_some(std::string& from) = 0;
};

class Api {
 public:
  virtual ~Api() = default;
  // Any HTTP answer is a Reply; only a failed exchange is an Error.
  virtual Result<Reply> send(const Call& call) = 0;
  // Hands the body over piece by piece until it ends or `take` answers false.  Non-2xx is an Error.
  virtual Result<> stream(const Call& call, const std::function<bool(std::string_view)>& take) = 0;
  // Asks for a WebSocket with this sub-protocol; `early` receives bytes that came behind the answer.
  virtual Result<std::unique_ptr<Duplex>> upgrade(const Call& call, const std::string& protocol,
                                                  std::string& early) = 0;
};

// `timeout` zero: none.
Result<std::unique_ptr<Api>> connect_api(ClusterAccess access, std::chrono::milliseconds timeout);

}  // namespace minik::kubectl
