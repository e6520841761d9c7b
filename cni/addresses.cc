#include "cni/addresses.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "api/pod.h"
#include "base/limits.h"

namespace minik::cni {
namespace {

// One range and who has which address of it.  Addresses are given in a circle, so the one released last comes
// last.
class Range {
 public:
  explicit Range(Cidr range) : range_(range) {}

  bool contains(const Ip& ip) const { return range_.contains(ip); }
  void take(const Ip& ip) {
    used_.insert(range_.index_of(ip));
    if (!started_) next_ = std::max(next_, range_.index_of(ip) + 1);
  }
  void release(const Ip& ip) { used_.erase(range_.index_of(ip)); }
  // The first address is the bridge's; network and broadcast addresses are nobody's.
  std::optional<Ip> give() {
    started_ = true;
    const std::uint64_t end = range_.family() == Family::kV4 ? range_.size() - 1 : range_.size();
    for (std::uint64_t tries = kFirst; tries < end; ++tries) {
      if (next_ < kFirst || next_ >= end) next_ = kFirst;
      const std::uint64_t index = next_++;
      if (used_.insert(index).second) return range_.at(index);
    }
    return std::nullopt;
  }
  std::string text() const { return range_.text(); }

 private:
  static constexpr std::uint64_t kFirst = 2;
  Cidr range_;
  std::set<std::uint64_t> used_;
  std::uint64_t next_ = kFirst;
  bool started_ = false;  // Until then the circle continues behind the highest address in use.
};

Json ip_list(const std::vector<Ip>& ips, const char* member) {
  Json list = Json::array();
  for (const Ip& ip : ips) list.push_back({{member, ip.text()}});
  return list;
}

// Replaces the condition of this type; its transition time is kept while the status is.
void set_condition(Json& status, Json condition) {
  Json& list = status["conditions"];
  if (!list.is_array()) list = Json::array();
  for (Json& old : list) {
    if (string_at(old, "type") != string_at(condition, "type")) continue;
    if (string_at(old, "status") == string_at(condition, "status")) {
      condition["lastTransitionTime"] = string_at(old, "lastTransitionTime");
    }
    old = std::move(condition);
    return;
  }
  list.push_back(std::move(condition));
}

std::string unschedulable_message(const Json& body) {
  for (const Json& condition : array_at(object_at(body, "status"), "conditions")) {
    if (string_at(condition, "type") == "PodScheduled" && string_at(condition, "status") == "False") {
      return string_at(condition, "message");
    }
  }
  return "";
}

}  // namespace

struct AddressController::State {
  AddressConfig config;
  api::SnapshotPtr seen;
  std::vector<Range> ranges;
  std::map<std::string, std::vector<Ip>> leases;  // By uid; also of pods whose write is still on its way.
  std::map<api::NsName, std::string> waiting;     // Uids of pods without an address.

  void look(const api::ObjectPtr& before, const api::ObjectPtr& after);
  void take(const std::string& uid, const std::vector<Ip>& ips);
  void release(const std::string& uid);
  std::optional<api::Write> assign(const api::Object& pod, WallTime time);
  std::optional<std::vector<Ip>> lease(const std::string& uid);
  std::optional<api::Write> refuse(const api::Object& pod, const std::string& why, WallTime time) const;
};

namespace {

bool holds_lease(const api::Pod& pod) { return !pod.host_network && !pod.finished(); }

bool waits(const api::Object& object, const AddressConfig& config) {
  const auto& pod = object.view<api::Pod>();
  const bool elsewhere = !pod.node_name.empty() && pod.node_name != config.node;
  return !pod.ip && !pod.finished() && !object.meta().deletion && !elsewhere;
}

api::Write write_of(const api::Object& pod, Json body) {
  return {api::Write::Op::kPutAll, pod.key(), pod.revision(), std::move(body)};
}

}  // namespace

void AddressController::State::take(const std::string& uid, const std::vector<Ip>& ips) {
  for (const Ip& ip : ips) {
    for (Range& range : ranges) {
      if (range.contains(ip)) range.take(ip);
    }
  }
  leases[uid] = ips;
}

void AddressController::State::release(const std::string& uid) {
  const auto lease = leases.find(uid);
  if (lease == leases.end()) return;
  for (const Ip& ip : lease->second) {
    for (Range& range : ranges) {
      if (range.contains(ip)) range.release(ip);
    }
  }
  leases.erase(lease);
}

void AddressController::State::look(const api::ObjectPtr& before, const api::ObjectPtr& after) {
  if (before != nullptr && (after == nullptr || before->uid() != after->uid())) {
    release(before->uid());
    waiting.erase({before->ns(), before->name()});
  }
  if (after == nullptr) return;
  const auto& pod = after->view<api::Pod>();
  const api::NsName name{after->ns(), after->name()};
  if (waits(*after, config)) {
    waiting[name] = after->uid();
    return;
  }
  waiting.erase(name);
  if (!holds_lease(pod) || pod.ips.empty())
    release(after->uid());
  else if (leases.count(after->uid()) == 0)
    take(after->uid(), pod.ips);
}

std::optional<std::vector<Ip>> AddressController::State::lease(const std::string& uid) {
  if (const auto held = leases.find(uid); held != leases.end()) return held->second;
  std::vector<Ip> ips;
  for (Range& range : ranges) {
    const auto ip = range.give();
    if (!ip) {
      for (std::size_t i = 0; i < ips.size(); ++i) ranges[i].release(ips[i]);
      return std::nullopt;
    }
    ips.push_back(*ip);
  }
  leases[uid] = ips;
  return ips;
}

// PodScheduled=False in the scheduler's words, once.
std::optional<api::Write> AddressController::State::refuse(const api::Object& pod, const std::string& why,
                                                           WallTime time) const {
  const std::string message = fmt::format(
      "0/1 nodes are available: 1 {}. preemption: 0/1 nodes are available: 1 No preemption victims found "
      "for incoming pod.",
      why);
  if (unschedulable_message(pod.body()) == message) return std::nullopt;
  Json body = pod.body();
  set_condition(body["status"], {{"type", "PodScheduled"},
                                 {"status", "False"},
                                 {"lastProbeTime", nullptr},
                                 {"lastTransitionTime", rfc3339(time)},
                                 {"reason", "Unschedulable"},
                                 {"message", message}});
  return write_of(pod, std::move(body));
}

std::optional<api::Write> AddressController::State::assign(const api::Object& object, WallTime time) {
  const auto& pod = object.view<api::Pod>();
  std::vector<Ip> ips = config.node_ips;
  if (!pod.host_network) {
    const bool full = leases.count(object.uid()) == 0 && leases.size() >= kPodsPerNodeMax;
    if (full) return refuse(object, "Too many pods", time);
    const auto leased = lease(object.uid());
    if (!leased) return refuse(object, "Insufficient pod addresses in " + ranges[0].text(), time);
    ips = *leased;
  }
  if (ips.empty()) return std::nullopt;
  Json body = object.body();
  body["spec"]["nodeName"] = config.node;
  Json& status = body["status"];
  status["podIP"] = ips[0].text();
  status["podIPs"] = ip_list(ips, "ip");
  if (!config.node_ips.empty()) {
    status["hostIP"] = config.node_ips[0].text();
    status["hostIPs"] = ip_list(config.node_ips, "ip");
  }
  set_condition(status, {{"type", "PodScheduled"},
                         {"status", "True"},
                         {"lastProbeTime", nullptr},
                         {"lastTransitionTime", rfc3339(time)}});
  return write_of(object, std::move(body));
}

AddressController::AddressController(AddressConfig config) : state_(std::make_unique<State>()) {
  state_->config = std::move(config);
  for (const Cidr& range : state_->config.pod_cidrs) state_->ranges.emplace_back(range);
}

AddressController::~AddressController() = default;

std::vector<api::Write> AddressController::update(const api::SnapshotPtr& now, WallTime time) {
  State& s = *state_;
  api::Snapshot::diff(
      s.seen.get(), *now, "pods",
      [&](const api::ObjectPtr& before, const api::ObjectPtr& after) { s.look(before, after); });
  s.seen = now;
  std::vector<api::Write> writes;
  for (const auto& [name, uid] : s.waiting) {
    const api::ObjectPtr pod = now->find("pods", name.ns, name.name);
    if (pod == nullptr) continue;
    if (auto write = s.assign(*pod, time)) writes.push_back(std::move(*write));
  }
  return writes;
}

}  // namespace minik::cni
