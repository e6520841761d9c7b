// Metrics: counts and durations of requests, printed in the Prometheus text format 0.0.4 under upstream's
// names.
//
// Threads: any.  One short lock per finished request; gauges are atomics.
// Cardinality: labels are verbs, codes and resources of the schema only, never what a client made up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/schema.h"
#include "apiserver/store.h"

namespace minik::apiserver {

class Metrics {
 public:
  struct Labels {
    std::string verb, group, version, resource, subresource, scope;
    friend auto operator<=>(const Labels&, const Labels&) = default;
  };

  // Counts up while it lives.
  class Running {
   public:
    explicit Running(std::atomic<std::int64_t>& gauge) : gauge_(gauge) { ++gauge_; }
    ~Running() { --gauge_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    std::atomic<std::int64_t>& gauge_;
  };

  // One open watch of a kind, while it lives.
  class Watching {
   public:
    Watching(Metrics& metrics, const api::Kind& kind);
    ~Watching();
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

   private:
    Metrics& metrics_;
    Labels kind_;
  };

  void finished(const Labels& labels, int code, double seconds);
  std::atomic<std::int64_t>& mutating() { return mutating_; }
  std::atomic<std::int64_t>& read_only() { return read_only_; }
  std::atomic<std::int64_t>& long_running() { return long_running_; }

  std::string text(const Store& store) const;

 private:
  static constexpr std::array kBounds{0.005, 0.025, 0.05, 0.1,  0.2,  0.4, 0.6,
                                      0.8,   1.0,   5.0,  10.0, 30.0, 60.0};
  struct Series {
    std::map<int, std::uint64_t> by_code;
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    double sum = 0;
  };
  void requests_text(std::string& out) const;
  void watchers_text(std::string& out) const;

  mutable std::mutex mutex_;
  std::map<Labels, Series> series_;
  std::map<Labels, std::int64_t> watchers_;
  std::atomic<std::int64_t> mutating_{0}, read_only_{0}, long_running_{0};
};

}  // namespace minik::apiserver
