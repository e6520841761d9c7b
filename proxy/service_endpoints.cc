#include "proxy/service_endpoints.h"

#include <algorithm>
#include <map>
#include <set>

namespace minik::proxy {
namespace {

constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

std::string who(const api::Endpoint& endpoint) {
  if (endpoint.target_name.empty()) return endpoint.addresses[0].text();
  return endpoint.target_ns.empty() ? endpoint.target_name : endpoint.target_ns + "/" + endpoint.target_name;
}

void add_unique(std::vector<Backend>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

Backends backends_of(const std::vector<api::ObjectPtr>& slices, const api::ServicePort& port, Family family) {
  std::vector<Backend> ready, terminating;
  for (const api::ObjectPtr& object : slices) {
    const auto& slice = object->view<api::EndpointSlice>();
    if (slice.fqdn || slice.family != family || object->meta().labels.count(kHeadlessLabel) != 0) continue;
    for (const api::SlicePort& target : slice.ports) {
      if (target.name != port.name || target.protocol != port.protocol || target.port <= 0) continue;
      for (const api::Endpoint& endpoint : slice.endpoints) {
        if (endpoint.addresses.empty() || endpoint.addresses[0].family() != family) continue;
        Backend backend{endpoint.addresses[0], static_cast<std::uint16_t>(target.port), who(endpoint)};
        if (endpoint.ready)
          ready.push_back(backend);
        else if (endpoint.serving && endpoint.terminating)
          terminating.push_back(backend);
      }
    }
  }
  Backends out;
  out.serving = ready;
  out.serving.insert(out.serving.end(), terminating.begin(), terminating.end());
  out.usable = ready.empty() ? std::move(terminating) : std::move(ready);
  add_unique(out.usable);
  add_unique(out.serving);
  return out;
}

std::vector<Backend> keep_slots(const std::vector<Backend>& before, std::vector<Backend> now) {
  std::sort(now.begin(), now.end());
  std::vector<const Backend*> slots(std::max(before.size(), now.size()), nullptr);
  std::set<Backend> placed;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto it = std::lower_bound(now.begin(), now.end(), before[i]);
    if (it == now.end() || !(*it == before[i])) continue;
    slots[i] = &*it;
    placed.insert(*it);
  }
  std::size_t free = 0;
  for (const Backend& backend : now) {
    if (placed.count(backend) != 0) continue;
    while (slots[free] != nullptr) ++free;
    slots[free] = &backend;
  }
  for (std::size_t end = slots.size(); end > now.size(); --end) {
    if (slots[end - 1] == nullptr) continue;
    while (slots[free] != nullptr) ++free;
    std::swap(slots[free], slots[end - 1]);
  }
  std::vector<Backend> out;
  for (std::size_t i = 0; i < now.size(); ++i) out.push_back(*slots[i]);
  return out;
}

}  // namespace minik::proxy
