// FakeKernel: a Kernel in memory, as strict as Linux: EEXIST for what is there already, ENOENT for what is
// not, EBUSY for chains and sets in use, and a transaction that fails leaves nothing behind.
#pragma once

#include <map>
#include <set>
#include <string>

#include "netd/kernel/kernel.h"

namespace minik::netd {

class FakeKernel final : public Kernel {
 public:
  Result<Seen> observe() override;
  Result<Report> reset(const Plan& plan) override;
  Result<Report> commit(const Changes& changes) override;
  int notice_fd() const override { return -1; }
  Result<std::vector<ForeignChange>> take_notices() override { return std::vector<ForeignChange>{}; }

  // A pod whose namespace is gone: its link fails.
  void break_pod(const std::string& uid) { broken_.insert(uid); }
  int commits() const { return commits_; }

 private:
  Result<> apply_links(const std::vector<LinkChange>& changes, Report& report);
  Result<> apply_rules(const std::vector<RuleChange>& changes);

  std::map<TableName, SeenTable> tables_;
  std::set<std::string> node_;                         // Facts; empty before SetUpNode.
  std::map<std::string, std::set<std::string>> pods_;  // Facts by uid.
  std::set<std::string> broken_;
  int commits_ = 0;
};

}  // namespace minik::netd
