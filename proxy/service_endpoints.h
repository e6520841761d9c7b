// Which endpoints a Service port uses (service-proxy.md rows 51, 52 and section 3.1), and in which slots.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/service.h"
#include "base/ip.h"

namespace minik::proxy {

struct Backend {
  Ip ip;
  std::uint16_t port = 0;
  std::string who;  // Pod "default/web-7f", or the address: for comments.
  friend auto operator<=>(const Backend& a, const Backend& b) {
    if (const auto order = a.ip <=> b.ip; order != 0) return order;
    return a.port <=> b.port;
  }
  friend bool operator==(const Backend& a, const Backend& b) { return a.ip == b.ip && a.port == b.port; }
};

struct Backends {
  std::vector<Backend> usable;   // Ready ones; when there are none, those that still serve while terminating.
  std::vector<Backend> serving;  // All that may answer: established flows to others are stale.
};

// Sorted by address and port, without duplicates.  Slices are joined to the port by name and protocol.
Backends backends_of(const std::vector<api::ObjectPtr>& slices, const api::ServicePort& port, Family family);

// Puts `now` into slots so that as few slots as possible differ from `before`: who stays keeps its slot, who
// comes takes a free one, and the last fill the holes.
std::vector<Backend> keep_slots(const std::vector<Backend>& before, std::vector<Backend> now);

}  // namespace minik::proxy
