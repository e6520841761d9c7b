#include "apiserver/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/limits.h"

namespace minik::apiserver {

using api::Key;
using api::Object;
using api::ObjectPtr;

// Of one resource's events as text: many changes of big objects must not fill the memory.
constexpr std::size_t kWatchHistoryBytes = 64 * 1024 * 1024;

// The recent history of one resource.
class Channel {
 public:
  explicit Channel(std::uint64_t floor) : floor_(floor) {}

  void add(const Event& event) {
    const std::lock_guard lock(mutex_);
    history_.push_back(event);
    bytes_ += event.object->bytes().size();
    while (history_.size() > kWatchHistoryEvents || bytes_ > kWatchHistoryBytes) {
      floor_ = history_.front().revision;
      bytes_ -= history_.front().object->bytes().size();
      history_.pop_front();
    }
  }
  void announce() { added_.notify_all(); }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    added_.notify_all();
  }
  std::uint64_t floor() {
    const std::lock_guard lock(mutex_);
    return floor_;
  }

  Result<std::vector<Event>> after(std::uint64_t& seen, Millis timeout) {
    std::unique_lock lock(mutex_);
    const auto news = [&] { return stopped_ || (!history_.empty() && history_.back().revision > seen); };
    added_.wait_for(lock, timeout, news);
    if (stopped_) return Error(Code::kUnavailable, "the server is shutting down");
    if (seen < floor_) {
      return Error(Code::kGone, fmt::format("too old resource version: {} ({})", seen, floor_));
    }
    const auto from = std::partition_point(history_.begin(), history_.end(),
                                           [&](const Event& e) { return e.revision <= seen; });
    std::vector<Event> events(from, history_.end());
    if (!events.empty()) seen = events.back().revision;
    return events;
  }

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<Event> history_;
  std::size_t bytes_ = 0;  // Of the objects in it, as text.
  std::uint64_t floor_;
  bool stopped_ = false;
};

ObjectPtr Tx::put(const std::string& resource, Json body) {
  const std::uint64_t revision = working_.revision() + 1;
  body["metadata"]["resourceVersion"] = std::to_string(revision);
  auto object = std::make_shared<Object>(resource, revision, std::move(body));
  ObjectPtr before = working_.find(object->key());
  working_.put(object);
  working_.set_revision(revision);
  const auto type = before == nullptr ? Event::Type::kAdded : Event::Type::kModified;
  events_.push_back({type, object, std::move(before), revision});
  return object;
}

void Tx::remove(const Key& key) {
  ObjectPtr before = working_.find(key);
  if (before == nullptr) return;
  const std::uint64_t revision = working_.revision() + 1;
  Json body = before->body();
  body["metadata"]["resourceVersion"] = std::to_string(revision);
  auto last = std::make_shared<Object>(key.resource, revision, std::move(body));
  working_.remove(key);
  working_.set_revision(revision);
  events_.push_back({Event::Type::kDeleted, std::move(last), std::move(before), revision});
}

namespace {

Result<ObjectPtr> object_of(Journal::Stored&& stored) {
  auto body = parse_json(stored.body);
  if (!body.ok()) return Error(Code::kInternal, "the store holds a broken object: " + body.error().message());
  return ObjectPtr(std::make_shared<Object>(std::move(stored.resource), stored.revision, *std::move(body),
                                            std::move(stored.body)));
}

// Parsed on every core: a start waits for nothing else.
Result<std::vector<ObjectPtr>> objects_of(std::vector<Journal::Stored> stored) {
  std::vector<ObjectPtr> objects(stored.size());
  const std::size_t threads = stored.size() < 1'000 ? 1 : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::future<Result<>>> parts;
  for (std::size_t part = 0; part < threads; ++part) {
    parts.push_back(std::async(std::launch::async, [&, part]() -> Result<> {
      for (std::size_t i = part; i < stored.size(); i += threads)
        objects[i] = TRY(object_of(std::move(stored[i])));
      return {};
    }));
  }
  Result<> whole;
  for (auto& part : parts) {
    if (auto done = part.get(); !done.ok()) whole = std::move(done);
  }
  TRY(std::move(whole));
  return objects;
}

}  // namespace

Result<std::vector<Event>> Watch::next(Millis timeout) { return channel_->after(seen_, timeout); }

Result<std::unique_ptr<Store>> Store::open(std::unique_ptr<Journal> journal) {
  std::unique_ptr<Store> store(new Store(std::move(journal)));
  TRY(store->load());
  store->writer_ = std::thread([raw = store.get()] { raw->write_loop(); });
  return store;
}

Store::~Store() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_filled_.notify_all();
  if (writer_.joinable()) writer_.join();
  stop_watches();
}

Result<> Store::load() {
  Journal::Loaded loaded = TRY(journal_->load());
  api::Snapshot snapshot;
  std::vector<ObjectPtr> objects = TRY(objects_of(std::move(loaded.objects)));
  for (ObjectPtr& object : objects) snapshot.put(std::move(object));
  snapshot.set_revision(loaded.revision);
  first_revision_ = loaded.revision;
  published_.publish(std::make_shared<api::Snapshot>(std::move(snapshot)));
  return {};
}

Result<> Store::transact(std::function<Result<>(Tx&)> work, Durability durability) {
  auto request = std::make_unique<Request>();
  request->work = std::move(work);
  request->durability = durability;
  auto done = request->done.get_future();
  {
    const std::lock_guard lock(queue_mutex_);
    if (stopping_) return Error(Code::kUnavailable, "the server is shutting down");
    queue_.push_back(std::move(request));
  }
  queue_filled_.notify_one();
  return done.get();
}

void Store::write_loop() {
  for (;;) {
    std::vector<std::unique_ptr<Request>> batch;
    {
      std::unique_lock lock(queue_mutex_);
      queue_filled_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    run_batch(std::move(batch));
  }
}

Result<> Store::commit(const Tx& tx, Durability durability) {
  std::vector<Journal::Change> changes;
  for (const Event& event : tx.events_) {
    const bool gone = event.type == Event::Type::kDeleted;
    changes.push_back({event.object->key(), event.revision, gone ? nullptr : &event.object->bytes()});
  }
  const auto start = std::chrono::steady_clock::now();
  auto committed = journal_->commit(changes, tx.working_.revision(), durability);
  commit_seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  commit_changes_.observe(static_cast<double>(changes.size()));
  return committed;
}

void Store::run_batch(std::vector<std::unique_ptr<Request>> batch) {
  Tx tx(*published_.get());
  auto durability = Durability::kRelaxed;
  std::vector<Result<>> results;
  for (auto& request : batch) {
    const api::Snapshot saved = tx.working_;
    const std::size_t saved_events = tx.events_.size();
    tx.discarded_ = false;
    Result<> result;
    try {
      result = request->work(tx);
    } catch (const std::exception& e) {
      result = Error(Code::kInternal, fmt::format("transaction: {}", e.what()));
    }
    if (!result.ok() || tx.discarded_) {
      tx.working_ = saved;
      tx.events_.resize(saved_events, Event{});
    } else if (tx.events_.size() > saved_events) {
      durability = std::max(durability, request->durability);
    }
    results.push_back(std::move(result));
  }
  if (!tx.events_.empty()) {
    if (auto committed = commit(tx, durability); !committed.ok()) {
      for (auto& result : results) {
        if (result.ok()) result = committed.error();
      }
    } else {
      publish(std::move(tx.working_), std::move(tx.events_));
    }
  }
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->done.set_value(std::move(results[i]));
}

void Store::publish(api::Snapshot snapshot, std::vector<Event> events) {
  published_.publish(std::make_shared<api::Snapshot>(std::move(snapshot)));
  std::set<std::string> resources;
  for (const Event& event : events) {
    channel(event.object->resource())->add(event);
    resources.insert(event.object->resource());
  }
  for (const auto& resource : resources) channel(resource)->announce();
  std::function<void(const std::vector<std::string>&)> wake;
  {
    const std::lock_guard lock(hub_mutex_);
    wake = wake_;
  }
  if (wake) wake({resources.begin(), resources.end()});
}

std::shared_ptr<Channel> Store::channel(const std::string& resource) {
  const std::lock_guard lock(hub_mutex_);
  auto& slot = channels_[resource];
  if (slot == nullptr) slot = std::make_shared<Channel>(first_revision_);
  return slot;
}

Result<Watch> Store::watch(const std::string& resource, std::uint64_t after) {
  auto found = channel(resource);
  const std::uint64_t floor = found->floor();
  if (after < floor)
    return Error(Code::kGone, fmt::format("too old resource version: {} ({})", after, floor));
  return Watch(std::move(found), after);
}

void Store::on_change(std::function<void(const std::vector<std::string>&)> wake) {
  const std::lock_guard lock(hub_mutex_);
  wake_ = std::move(wake);
}

void Store::stop_watches() {
  const std::lock_guard lock(hub_mutex_);
  for (auto& [resource, found] : channels_) found->stop();
}

}  // namespace minik::apiserver
