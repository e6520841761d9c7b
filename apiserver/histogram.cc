#include "apiserver/histogram.h"

#include <fmt/format.h>

#include <algorithm>

namespace minik::apiserver {

void Histogram::observe(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  const std::lock_guard lock(mutex_);
  ++counts_[static_cast<std::size_t>(at)];
  sum_ += value;
}

std::string Histogram::text(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name,
                       i < bounds_.size() ? fmt::format("{}", bounds_[i]) : "+Inf", count);
  }
  return out + fmt::format("{0}_sum {1}\n{0}_count {2}\n", name, sum_, count);
}

}  // namespace minik::apiserver
