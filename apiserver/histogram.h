// Histogram: how often a number fell into which range, in the Prometheus text format 0.0.4.
//
// Threads: any; one short lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace minik::apiserver {

class Histogram {
 public:
  // Upper bounds, rising; the range above the last is implied.
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void observe(double value);
  // Its lines _bucket, _sum and _count, without # HELP.
  std::string text(const std::string& name) const;

 private:
  const std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

}  // namespace minik::apiserver
