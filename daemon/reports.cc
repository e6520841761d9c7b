#include "daemon/reports.h"

#include <map>

namespace minik::daemon {
namespace {

Happening happening_of(const controllers::Report& report) {
  Happening h;
  h.api_version = string_at(report.about->body(), "apiVersion");
  h.kind = string_at(report.about->body(), "kind");
  h.about = report.about->key();
  h.uid = report.about->uid();
  h.component = report.component;
  h.warning = report.warning;
  h.reason = report.reason;
  h.message = report.message;
  return h;
}

bool lost_a_race(const Error& error) {
  const Code code = error.code();
  return code == Code::kConflict || code == Code::kNotFound || code == Code::kAlreadyExists;
}

}  // namespace

std::vector<Happening> happenings_of(const std::vector<controllers::Report>& reports,
                                     const std::vector<api::Write>& writes,
                                     const std::vector<Result<>>& outcomes) {
  std::map<api::Key, const Result<>*> by_key;
  for (std::size_t i = 0; i < writes.size() && i < outcomes.size(); ++i) by_key[writes[i].key] = &outcomes[i];
  std::vector<Happening> all;
  for (const controllers::Report& report : reports) {
    Happening h = happening_of(report);
    if (report.write) {
      const auto it = by_key.find(*report.write);
      if (it == by_key.end()) continue;
      const Result<>& outcome = *it->second;
      if (!outcome.ok()) {
        if (report.failed_reason.empty() || lost_a_race(outcome.error())) continue;
        h.warning = true;
        h.reason = report.failed_reason;
        h.message = report.failed_message + outcome.error().message();
      }
    }
    all.push_back(std::move(h));
  }
  return all;
}

}  // namespace minik::daemon
