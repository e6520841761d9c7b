// Store: versioned objects with transactions and watch.  The only holder of truth in minik.
//
// Threads: every method may be called from any thread.  Transactions run one after another on the store's own
//          writer thread; those that wait together share one commit (group commit).
// Revisions: one counter for the whole store; each successful change adds one.
// Errors: what the transaction answers; kUnavailable when the journal refuses: then nothing of it happened.
//         watch: kGone when the revision is older than the history we kept.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/snapshot.h"
#include "apiserver/histogram.h"
#include "apiserver/journal.h"
#include "base/clock.h"
#include "base/published.h"

namespace minik::apiserver {

struct Event {
  enum class Type : std::uint8_t { kAdded, kModified, kDeleted } type;
  api::ObjectPtr object;  // kDeleted: the last state under the revision of the deletion.
  api::ObjectPtr before;  // Null for kAdded.
  std::uint64_t revision;
};

// One transaction at work.  Everything it did is undone when it answers an error or calls `discard`.
class Tx {
 public:
  // All objects, the changes of this transaction included.
  const api::Snapshot& now() const { return working_; }
  // Creates or replaces; fills in metadata.resourceVersion.  Key, uid and the like are the caller's business.
  api::ObjectPtr put(const std::string& resource, Json body);
  void remove(const api::Key& key);
  // A dry run: answer what would be, keep nothing.
  void discard() { discarded_ = true; }

 private:
  friend class Store;
  explicit Tx(const api::Snapshot& from) : working_(from) {}
  api::Snapshot working_;
  std::vector<Event> events_;
  bool discarded_ = false;
};

class Channel;

// Reads the changes of one resource in order.
class Watch {
 public:
  Watch(std::shared_ptr<Channel> channel, std::uint64_t after) : channel_(std::move(channel)), seen_(after) {}
  // Waits until there is something to say or `timeout` passed (then: empty).
  // kGone: this watcher fell behind by more than kWatchHistoryEvents or 64 MiB; list again.
  Result<std::vector<Event>> next(Millis timeout);
  // Everything up to this revision was delivered.
  std::uint64_t seen() const { return seen_; }

 private:
  std::shared_ptr<Channel> channel_;
  std::uint64_t seen_;
};

class Store {
 public:
  // Errors: of Journal::load, and kInternal for content that is no object.
  static Result<std::unique_ptr<Store>> open(std::unique_ptr<Journal> journal);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Everything at the newest committed revision.
  api::SnapshotPtr snapshot() const { return published_.get(); }

  // Runs `work` under the write lock and returns when its changes are as durable as asked, or undone.
  // `work` must not block and may not call the store.
  Result<> transact(std::function<Result<>(Tx&)> work, Durability durability = Durability::kSynced);

  // Events with revision > `after`.
  Result<Watch> watch(const std::string& resource, std::uint64_t after);

  // Calls `wake` with the changed resources after each commit, on the writer's thread: only set a flag there.
  void on_change(std::function<void(const std::vector<std::string>& resources)> wake);
  // How long commits take, and how many changes share one.
  const Histogram& commit_seconds() const { return commit_seconds_; }
  const Histogram& commit_changes() const { return commit_changes_; }
  // Ends all watches at once (they answer kUnavailable) for a quick shutdown.
  void stop_watches();

 private:
  struct Request {
    std::function<Result<>(Tx&)> work;
    Durability durability;
    std::promise<Result<>> done;
  };
  explicit Store(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}
  Result<> load();
  void write_loop();
  Result<> commit(const Tx& tx, Durability durability);
  void run_batch(std::vector<std::unique_ptr<Request>> batch);
  void publish(api::Snapshot snapshot, std::vector<Event> events);
  std::shared_ptr<Channel> channel(const std::string& resource);

  std::unique_ptr<Journal> journal_;
  Published<api::Snapshot> published_;
  Histogram commit_seconds_{{0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5}};
  Histogram commit_changes_{{1, 2, 4, 8, 16, 32, 64, 128, 256, 1024}};

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::vector<std::unique_ptr<Request>> queue_;
  bool stopping_ = false;

  std::mutex hub_mutex_;
  std::map<std::string, std::shared_ptr<Channel>> channels_;
  std::uint64_t first_revision_ = 0;  // Nothing at or before it is in any history.
  std::function<void(const std::vector<std::string>&)> wake_;

  std::thread writer_;
};

}  // namespace minik::apiserver
