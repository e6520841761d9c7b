// MinikRoutes: what `minik status` and `minik image` ask for, below /minik/.
#pragma once

#include <functional>
#include <string>

#include "apiserver/request.h"
#include "apiserver/store.h"
#include "daemon/loop.h"
#include "daemon/options.h"

namespace minik::daemon {

class MinikRoutes {
 public:
  MinikRoutes(const Cluster& cluster, apiserver::Store& store, Loop& loop, runtime::Runtime& runtime)
      : cluster_(cluster),
        store_(store),
        loop_(loop),
        runtime_(runtime),
        started_(std::chrono::steady_clock::now()) {}
  apiserver::Response handle(const apiserver::Request& request);

 private:
  apiserver::Response status() const;
  apiserver::Response images(const apiserver::Request& request);

  const Cluster& cluster_;
  apiserver::Store& store_;
  Loop& loop_;
  runtime::Runtime& runtime_;
  SteadyTime started_;
};

}  // namespace minik::daemon
