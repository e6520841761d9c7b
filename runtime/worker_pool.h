// WorkerPool: a few threads for slow system work.
//
// Threads: `post` from any.  Jobs run in the order of their posting, several at once; who needs order among
// some posts the next one from the end of the one before.  `finish` (and the destructor) waits for what is
// queued.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace minik::runtime {

class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void post(std::function<void()> job);
  void finish();  // Afterwards nothing is run any more.

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace minik::runtime
