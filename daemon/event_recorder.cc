#include "daemon/event_recorder.h"

#include <fmt/format.h>

namespace minik::daemon {

using api::Write;

namespace {

constexpr std::chrono::hours kKept{1};
constexpr std::chrono::minutes kSweepEvery{5};

std::string identity(const Happening& h) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", h.about.text(), h.uid, h.field_path, h.warning, h.reason,
                     h.message);
}

Json event_json(const Happening& h, const std::string& ns, const std::string& name, WallTime now) {
  Json event = {{"kind", "Event"}, {"apiVersion", "v1"}, {"metadata", {{"name", name}, {"namespace", ns}}}};
  event["involvedObject"] = {
      {"kind", h.kind}, {"apiVersion", h.api_version}, {"name", h.about.name}, {"uid", h.uid}};
  if (!h.about.ns.empty()) event["involvedObject"]["namespace"] = h.about.ns;
  if (!h.field_path.empty()) event["involvedObject"]["fieldPath"] = h.field_path;
  event["reason"] = h.reason;
  event["message"] = h.message;
  event["type"] = h.warning ? "Warning" : "Normal";
  event["source"] = {{"component", h.component}};
  event["reportingComponent"] = h.component;
  event["firstTimestamp"] = event["lastTimestamp"] = rfc3339(now);
  event["count"] = 1;
  return event;
}

}  // namespace

void EventRecorder::note(Happening happening) { noted_.push_back(std::move(happening)); }

std::vector<Write> EventRecorder::take(const api::SnapshotPtr& objects, WallTime now) {
  std::vector<Write> writes;
  for (const Happening& h : noted_) {
    const std::string ns = h.about.ns.empty() ? "default" : h.about.ns;
    Known& known = known_[identity(h)];
    const api::ObjectPtr stored =
        known.name.empty() ? nullptr : objects->find("events", known.ns, known.name);
    known.last = now;
    if (stored != nullptr) {
      Json body = stored->body();
      body["count"] = int_at(body, "count", 1) + 1;
      body["lastTimestamp"] = rfc3339(now);
      writes.push_back({Write::Op::kPut, stored->key(), 0, std::move(body)});
      writes.back().expected_revision = stored->revision();
      continue;
    }
    known.ns = ns;
    // Names in the order of time: clients list Events of one second by name.
    last_name_ = std::max(last_name_ + 1,
                          static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::nanoseconds(1)));
    known.name = fmt::format("{}.{:x}", h.about.name, last_name_);
    writes.push_back({Write::Op::kPut, {"events", ns, known.name}, 0, event_json(h, ns, known.name, now)});
  }
  noted_.clear();
  if (now - swept_ < kSweepEvery) return writes;
  swept_ = now;
  objects->for_each("events", "", [&](const api::ObjectPtr& event) {
    const auto last =
        parse_rfc3339(string_at(event->body(), "lastTimestamp")).value_or(event->meta().created);
    if (now - last > kKept) writes.push_back({Write::Op::kRemove, event->key(), 0, Json()});
  });
  std::erase_if(known_, [&](const auto& entry) { return now - entry.second.last > kKept; });
  return writes;
}

}  // namespace minik::daemon
