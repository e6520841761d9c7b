#include "controllers/stateful_sets.h"

#include <fmt/format.h>

#include <algorithm>

#include "controllers/pods_of.h"
#include "controllers/revisions.h"
#include "controllers/stateful_pods.h"

namespace minik::controllers {

using api::Object;
using api::ObjectPtr;

namespace {

// One StatefulSet in one round.
class Round {
 public:
  Round(const World& world, ObjectPtr set, const std::vector<ObjectPtr>& pods, Steps& steps)
      : world_(world), set_(std::move(set)), steps_(steps), history_(history_of(world, *set_, steps)) {
    for (const ObjectPtr& pod : pods) {
      if (const auto ordinal = ordinal_of(*set_, *pod)) pods_[*ordinal] = pod;
    }
    first_ = int_at(object_at(spec_of(*set_), "ordinals"), "start");
    end_ = first_ + std::max<std::int64_t>(0, int_at(spec_of(*set_), "replicas", 1));
    ordered_ = string_at(spec_of(*set_), "podManagementPolicy", "OrderedReady") == "OrderedReady";
  }

  void run() {
    if (history_.fresh == nullptr) {
      if (history_.collisions != int_at(status_of(*set_), "collisionCount")) {
        Json status = status_of(*set_);
        status["collisionCount"] = history_.collisions;
        steps_.writes.push_back(put_status(*set_, std::move(status)));
      }
      return;
    }
    choose_current();
    if (grow() && shrink()) replace();
    drop_claims(world_, *set_, first_, end_, steps_);
    std::vector<std::string> live = {current_->name()};
    for (const auto& [ordinal, pod] : pods_) live.push_back(label_of(*pod, kRevisionLabel));
    drop_revisions(*set_, history_, live, steps_);
    Json status = next_status();
    if (status != status_of(*set_)) steps_.writes.push_back(put_status(*set_, std::move(status)));
  }

 private:
  const ObjectPtr& fresh() const { return history_.fresh; }
  bool rolling() const {
    return string_at(object_at(spec_of(*set_), "updateStrategy"), "type", "RollingUpdate") == "RollingUpdate";
  }
  std::int64_t partition() const {
    return int_at(object_at(object_at(spec_of(*set_), "updateStrategy"), "rollingUpdate"), "partition");
  }
  bool healthy(const ObjectPtr& pod) {
    return !pod->meta().deletion && pod->view<api::Pod>().phase == "Running" &&
           is_available(pod, int_at(spec_of(*set_), "minReadySeconds"), world_.now, steps_);
  }

  // The revision that pods below the partition, or not yet updated, have.
  void choose_current() {
    const std::string name = string_at(status_of(*set_), "currentRevision");
    current_ = fresh();
    for (const ObjectPtr& revision : history_.all) {
      if (revision->name() == name) current_ = revision;
    }
  }
  const ObjectPtr& revision_for(std::int64_t ordinal) const {
    if (current_ == fresh()) return fresh();
    const std::int64_t kept = rolling() ? partition() : int_at(status_of(*set_), "currentReplicas");
    return ordinal < first_ + kept ? current_ : fresh();
  }

  void report(const char* verb, const std::string& pod, const char* done, const char* failed) {
    const std::string what = fmt::format("{} Pod {} in StatefulSet {}", verb, pod, set_->name());
    steps_.reports.push_back({set_, "statefulset-controller", false, done, what + " successful",
                              steps_.writes.back().key, failed, what + " failed error: "});
  }
  void make(std::int64_t ordinal) {
    make_claims(world_, set_, ordinal, steps_);
    steps_.writes.push_back(create("pods", stateful_pod(*set_, *revision_for(ordinal), ordinal)));
    report("create", stateful_pod_name(*set_, ordinal), "SuccessfulCreate", "FailedCreate");
    steps_.later(world_.now + std::chrono::seconds(5));
  }
  void drop(const ObjectPtr& pod) {
    steps_.writes.push_back(remove(*pod));
    report("delete", pod->name(), "SuccessfulDelete", "FailedDelete");
  }

  // Makes what is missing; whether the next phase may begin.
  bool grow() {
    for (std::int64_t ordinal = first_; ordinal < end_; ++ordinal) {
      const auto it = pods_.find(ordinal);
      if (it == pods_.end()) {
        make(ordinal);
        if (ordered_) return false;
        continue;
      }
      const ObjectPtr& pod = it->second;
      if (pod->view<api::Pod>().finished() && !pod->meta().deletion) {
        steps_.reports.push_back({set_, "statefulset-controller", true, "RecreatingFailedPod",
                                  fmt::format("StatefulSet {}/{} is recreating failed Pod {}", set_->ns(),
                                              set_->name(), pod->name()),
                                  std::nullopt, "", ""});
        drop(pod);
        if (ordered_) return false;
      } else if (ordered_ && !healthy(pod)) {
        return false;
      }
    }
    return true;
  }

  // Ends what is too much, the highest ordinal first.
  bool shrink() {
    bool quiet = true;
    for (auto it = pods_.rbegin(); it != pods_.rend(); ++it) {
      const auto& [ordinal, pod] = *it;
      if (ordinal >= first_ && ordinal < end_) continue;
      quiet = false;
      if (!pod->meta().deletion) drop(pod);
      if (ordered_) return false;
    }
    return quiet || !ordered_;
  }

  void replace() {
    if (!rolling()) return;
    for (std::int64_t ordinal = end_ - 1; ordinal >= first_ + partition(); --ordinal) {
      const auto it = pods_.find(ordinal);
      if (it == pods_.end()) return;
      const ObjectPtr& pod = it->second;
      if (pod->meta().deletion) return;
      if (label_of(*pod, kRevisionLabel) != fresh()->name()) return drop(pod);
      if (!healthy(pod)) return;
    }
  }

  Json next_status() {
    std::int64_t ready = 0, available = 0, current = 0, updated = 0, there = 0;
    for (const auto& [ordinal, pod] : pods_) {
      ++there;
      if (pod->view<api::Pod>().phase == "Running" && is_ready(pod)) {
        ++ready;
        available += healthy(pod) ? 1 : 0;
      }
      if (pod->meta().deletion) continue;
      const std::string revision = label_of(*pod, kRevisionLabel);
      current += revision == current_->name() ? 1 : 0;
      updated += revision == fresh()->name() ? 1 : 0;
    }
    const std::int64_t wanted = end_ - first_;
    const bool complete = rolling() && updated == wanted && there == wanted && ready == wanted;
    Json status = {{"observedGeneration", set_->meta().generation},
                   {"replicas", there},
                   {"availableReplicas", available},
                   {"currentRevision", complete ? fresh()->name() : current_->name()},
                   {"updateRevision", fresh()->name()},
                   {"collisionCount", history_.collisions}};
    const auto number = [&](const char* member, std::int64_t value) {
      if (value != 0) status[member] = value;
    };
    number("readyReplicas", ready);
    number("currentReplicas", complete ? updated : current);
    number("updatedReplicas", updated);
    return status;
  }

  const World& world_;
  ObjectPtr set_;
  Steps& steps_;
  History history_;
  ObjectPtr current_;
  std::map<std::int64_t, ObjectPtr> pods_;
  std::int64_t first_ = 0, end_ = 0;
  bool ordered_ = true;
};

}  // namespace

void StatefulSetController::sync(const World& world, const ObjectPtr& set, std::vector<ObjectPtr> pods,
                                 Steps& steps) const {
  Round(world, set, pods, steps).run();
}

}  // namespace minik::controllers
