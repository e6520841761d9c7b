// Kernel: reads and changes the part of Linux networking that minik owns on one node: everything in the
// node's network namespace, the ends of pod links inside pod namespaces, and the node's link on the host.
//
// Threads: one thread at a time (the loop).  Needs CAP_NET_ADMIN and CAP_SYS_ADMIN (namespaces).
// Ownership: tables not named "minik…" and links that are not ours are never touched.
// Errors: kKernel; the message names the link, rule or element, and sys_errno() says which errno.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "netd/plan/plan.h"

namespace minik::netd {

// Pods whose link could not be made; everything else was done.  A pod's namespace may go away at any time,
// and one broken pod must not stop the others.
struct PodFailure {
  std::string uid;
  Error error;
};
struct Report {
  std::vector<PodFailure> failed;
};

// Somebody who changed nftables in the node's namespace, and was not us.
struct ForeignChange {
  std::int64_t pid = 0;
  std::string program;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // What is there now: our tables and the links of the node.
  virtual Result<Seen> observe() = 0;

  // Makes everything true whatever is there: at start, after a failed commit, and to repair.  All tables are
  // replaced in one transaction (packets see the old or the new ones; conntrack entries stay); links that are
  // already right are not touched.
  virtual Result<Report> reset(const Plan& plan) = 0;

  // before, rules, after, udp, in this order; stops at the first error that is not one pod's.  `rules` is all
  // or nothing.  After an error: reset().
  virtual Result<Report> commit(const Changes& changes) = 0;

  // Readable when somebody changed nftables; then take_notices() says who (empty if it was us).  -1: never.
  // The caller then compares observe() with seen(plan) and resets if they differ.
  virtual int notice_fd() const = 0;
  virtual Result<std::vector<ForeignChange>> take_notices() = 0;
};

}  // namespace minik::netd
