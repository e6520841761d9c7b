// Watch: the changes of a kind's objects, event by event.
//
// Errors: finished texts (failure.h); an ERROR event is the Status's error (kGone: list again).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "kubectl-lite/session.h"

namespace minik::kubectl {

// Cuts a stream into lines.
class LineSplitter {
 public:
  // Calls `take` for each whole line until it answers false; then answers false too.
  bool feed(std::string_view bytes, const std::function<bool(std::string_view)>& take);

 private:
  std::string rest_;
};

struct WatchEvent {
  std::string type;  // ADDED, MODIFIED, DELETED
  Json object;       // Or a Table, when the call asked for tables.
};

// Runs until the server ends the stream or `take` answers false (an Error ends it too).  `call` is the list's
// call; watch=true and `revision` are added.
Result<> watch(Session& session, Call call, const std::string& revision,
               const std::function<Result<bool>(const WatchEvent&)>& take);

// Watches until `done` answers true, again and again when the server ends the stream.  `done` sees each
// object first as it is now, then as it becomes; null: it is deleted or never was.  False: the time was over.
Result<bool> wait_until(Session& session, const api::Kind& kind, const std::string& ns,
                        const std::string& name, std::chrono::milliseconds timeout,
                        const std::function<Result<bool>(const Json* object)>& done);

}  // namespace minik::kubectl
