// One conformance suite for the store over both journals.
#include "apiserver/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/files.h"

namespace minik::apiserver {
namespace {

Json config_map(const std::string& name, const std::string& value) {
  return {{"kind", "ConfigMap"},
          {"apiVersion", "v1"},
          {"metadata", {{"name", name}, {"namespace", "default"}, {"uid", random_uuid()}}},
          {"data", {{"k", value}}}};
}

// A disk that a store can be opened from again and again.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual std::unique_ptr<Journal> journal() = 0;
};
class MemoryDisk final : public Disk {
 public:
  std::unique_ptr<Journal> journal() override { return std::make_unique<MemoryJournal>(disk_); }

 private:
  std::shared_ptr<MemoryJournal::Disk> disk_ = std::make_shared<MemoryJournal::Disk>();
};
class SqliteDisk final : public Disk {
 public:
  SqliteDisk() { EXPECT_TRUE(make_dirs(directory_).ok()); }
  ~SqliteDisk() override { EXPECT_TRUE(remove_tree(directory_).ok()); }
  std::unique_ptr<Journal> journal() override {
    return open_sqlite_journal(directory_ + "/store.db").value();
  }

 private:
  std::string directory_ = ::testing::TempDir() + "minik-store-" + random_hex(4);
};

class StoreConformance : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "sqlite")
      disk_ = std::make_unique<SqliteDisk>();
    else
      disk_ = std::make_unique<MemoryDisk>();
    reopen();
  }
  void TearDown() override { store_.reset(); }
  void reopen() {
    store_.reset();
    store_ = Store::open(disk_->journal()).value();
  }
  Result<> put(const std::string& name, const std::string& value) {
    return store_->transact([&](Tx& tx) -> Result<> {
      tx.put("configmaps", config_map(name, value));
      return {};
    });
  }
  std::string value(const std::string& name) {
    const auto object = store_->snapshot()->find("configmaps", "default", name);
    return object == nullptr ? "" : string_at(object->body()["data"], "k");
  }

  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreConformance, RevisionsGrowByOneAndStandInTheObject) {
  ASSERT_TRUE(put("a", "1").ok());
  ASSERT_TRUE(put("b", "1").ok());
  ASSERT_TRUE(put("a", "2").ok());
  const auto snapshot = store_->snapshot();
  EXPECT_EQ(snapshot->revision(), 3U);
  EXPECT_EQ(snapshot->find("configmaps", "default", "a")->revision(), 3U);
  EXPECT_EQ(string_at(snapshot->find("configmaps", "default", "a")->body()["metadata"], "resourceVersion"),
            "3");
}

TEST_P(StoreConformance, AFailedTransactionLeavesNothing) {
  ASSERT_TRUE(put("a", "1").ok());
  const auto failed = store_->transact([&](Tx& tx) -> Result<> {
    tx.put("configmaps", config_map("b", "1"));
    tx.remove({"configmaps", "default", "a"});
    return Error(Code::kConflict, "no");
  });
  EXPECT_EQ(failed.error().code(), Code::kConflict);
  const auto thrown = store_->transact([&](Tx& tx) -> Result<> {
    tx.put("configmaps", config_map("b", "1"));
    throw std::runtime_error("boom");
  });
  EXPECT_EQ(thrown.error().code(), Code::kInternal);
  ASSERT_TRUE(store_
                  ->transact([&](Tx& tx) -> Result<> {
                    tx.put("configmaps", config_map("b", "1"));
                    tx.discard();
                    return {};
                  })
                  .ok());
  EXPECT_EQ(value("a"), "1");
  EXPECT_EQ(value("b"), "");
  EXPECT_EQ(store_->snapshot()->revision(), 1U);
}

TEST_P(StoreConformance, EverythingIsThereAfterReopening) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put("cm-" + std::to_string(i), std::to_string(i)).ok());
  ASSERT_TRUE(store_
                  ->transact([](Tx& tx) -> Result<> {
                    tx.remove({"configmaps", "default", "cm-7"});
                    return {};
                  })
                  .ok());
  const std::uint64_t revision = store_->snapshot()->revision();
  reopen();
  EXPECT_EQ(store_->snapshot()->revision(), revision);
  EXPECT_EQ(store_->snapshot()->count("configmaps"), 49U);
  EXPECT_EQ(value("cm-49"), "49");
  EXPECT_EQ(value("cm-7"), "");
  ASSERT_TRUE(put("after", "x").ok());
  EXPECT_EQ(store_->snapshot()->revision(), revision + 1);
}

TEST_P(StoreConformance, WatchTellsEachChangeOnceInOrder) {
  ASSERT_TRUE(put("a", "1").ok());
  auto watch = store_->watch("configmaps", store_->snapshot()->revision());
  ASSERT_TRUE(watch.ok());
  ASSERT_TRUE(put("a", "2").ok());
  ASSERT_TRUE(put("b", "1").ok());
  ASSERT_TRUE(store_
                  ->transact([](Tx& tx) -> Result<> {
                    tx.remove({"configmaps", "default", "a"});
                    return {};
                  })
                  .ok());
  std::vector<Event> events;
  while (events.size() < 3) {
    auto more = watch->next(Millis(1000));
    ASSERT_TRUE(more.ok());
    ASSERT_FALSE(more->empty());
    events.insert(events.end(), more->begin(), more->end());
  }
  EXPECT_EQ(events[0].type, Event::Type::kModified);
  EXPECT_EQ(string_at(events[0].before->body()["data"], "k"), "1");
  EXPECT_EQ(events[1].type, Event::Type::kAdded);
  EXPECT_EQ(events[2].type, Event::Type::kDeleted);
  EXPECT_EQ(string_at(events[2].object->body()["metadata"], "resourceVersion"), "4");
  EXPECT_TRUE(watch->next(Millis(0))->empty());
}

TEST_P(StoreConformance, AWatchFromBeforeTheHistoryIsGone) {
  ASSERT_TRUE(put("a", "1").ok());
  ASSERT_TRUE(put("a", "2").ok());
  reopen();
  EXPECT_EQ(store_->watch("configmaps", 1).error().code(), Code::kGone);
  EXPECT_TRUE(store_->watch("configmaps", 2).ok());
}

TEST_P(StoreConformance, LoadsManyObjectsOnEveryCore) {
  constexpr int kObjects = 3'000;
  ASSERT_TRUE(store_
                  ->transact([&](Tx& tx) -> Result<> {
                    for (int i = 0; i < kObjects; ++i)
                      tx.put("configmaps", config_map(std::to_string(i), std::to_string(i * 7)));
                    return {};
                  })
                  .ok());
  const auto before = store_->snapshot();
  reopen();
  const auto after = store_->snapshot();
  ASSERT_EQ(after->count("configmaps"), static_cast<std::size_t>(kObjects));
  before->for_each("configmaps", "", [&](const api::ObjectPtr& object) {
    const auto loaded = after->find(object->key());
    ASSERT_NE(loaded, nullptr) << object->name();
    EXPECT_EQ(loaded->bytes(), object->bytes());
    EXPECT_EQ(loaded->body(), object->body());
    EXPECT_EQ(loaded->revision(), object->revision());
  });
}

TEST(StoreHistory, BigObjectsDoNotFillTheMemory) {
  const auto store = Store::open(std::make_unique<MemoryJournal>()).value();
  const std::string big(4 * 1024 * 1024, 'x');
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(store
                    ->transact([&](Tx& tx) -> Result<> {
                      tx.put("configmaps", config_map("big", big));
                      return {};
                    })
                    .ok());
  }
  EXPECT_EQ(store->watch("configmaps", 2).error().code(), Code::kGone);
  EXPECT_TRUE(store->watch("configmaps", 19).ok());
  EXPECT_EQ(store->commit_changes().text("changes").substr(0, 24), "changes_bucket{le=\"1\"} 2");
}

TEST_P(StoreConformance, WritersAtOnceLoseNothing) {
  constexpr int kWriters = 8, kWrites = 25;
  std::vector<std::thread> writers;
  std::atomic<int> failed{0};
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kWrites; ++i) {
        const auto done = store_->transact([&](Tx& tx) -> Result<> {
          const auto counter = tx.now().find("configmaps", "default", "counter");
          const std::int64_t n = counter == nullptr ? 0 : int_at(counter->body(), "n");
          Json body = config_map("counter", "");
          body["n"] = n + 1;
          tx.put("configmaps", body);
          tx.put("configmaps", config_map("w" + std::to_string(w), std::to_string(i)));
          return {};
        });
        if (!done.ok()) ++failed;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(int_at(store_->snapshot()->find("configmaps", "default", "counter")->body(), "n"),
            kWriters * kWrites);
  reopen();
  EXPECT_EQ(int_at(store_->snapshot()->find("configmaps", "default", "counter")->body(), "n"),
            kWriters * kWrites);
}

INSTANTIATE_TEST_SUITE_P(Journals, StoreConformance, ::testing::Values("memory", "sqlite"),
                         [](const auto& param) { return std::string(param.param); });

TEST(Store, AFullDiskRefusesTheWriteAndKeepsTheRest) {
  const auto disk = std::make_shared<MemoryJournal::Disk>();
  const auto store = Store::open(std::make_unique<MemoryJournal>(disk)).value();
  const auto put = [&](const std::string& name) {
    return store->transact([&](Tx& tx) -> Result<> {
      tx.put("configmaps", config_map(name, "1"));
      return {};
    });
  };
  ASSERT_TRUE(put("a").ok());
  disk->full = true;
  EXPECT_EQ(put("b").error().code(), Code::kUnavailable);
  EXPECT_EQ(store->snapshot()->find("configmaps", "default", "b"), nullptr);
  EXPECT_EQ(store->snapshot()->revision(), 1U);
  disk->full = false;
  ASSERT_TRUE(put("b").ok());
  EXPECT_EQ(store->snapshot()->revision(), 2U);
}

TEST(Store, WritesThatWaitTogetherShareOneCommit) {
  const auto disk = std::make_shared<MemoryJournal::Disk>();
  const auto store = Store::open(std::make_unique<MemoryJournal>(disk)).value();
  std::atomic<bool> go{false};
  std::thread blocker([&] {
    [[maybe_unused]] const auto done = store->transact([&](Tx& tx) -> Result<> {
      while (!go) std::this_thread::yield();  // Holds the writer while the others queue up.
      tx.put("configmaps", config_map("first", "1"));
      return {};
    });
  });
  std::vector<std::thread> writers;
  std::atomic<int> waiting{0};
  for (int i = 0; i < 20; ++i) {
    writers.emplace_back([&, i] {
      ++waiting;
      [[maybe_unused]] const auto done = store->transact([&](Tx& tx) -> Result<> {
        tx.put("configmaps", config_map("w" + std::to_string(i), "1"));
        return {};
      });
    });
  }
  while (waiting < 20) std::this_thread::yield();
  std::this_thread::sleep_for(Millis(50));
  go = true;
  blocker.join();
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(store->snapshot()->count("configmaps"), 21U);
  EXPECT_LT(disk->commits, 21);
}

TEST(Store, WhatCanBeComputedAgainIsNotSynced) {
  const auto disk = std::make_shared<MemoryJournal::Disk>();
  const auto store = Store::open(std::make_unique<MemoryJournal>(disk)).value();
  const auto put = [&](Durability durability) {
    return store->transact(
        [&](Tx& tx) -> Result<> {
          tx.put("configmaps", config_map("a", random_hex(2)));
          return {};
        },
        durability);
  };
  ASSERT_TRUE(put(Durability::kRelaxed).ok());
  EXPECT_EQ(disk->synced, 0);
  ASSERT_TRUE(put(Durability::kSynced).ok());
  EXPECT_EQ(disk->synced, 1);
}

}  // namespace
}  // namespace minik::apiserver
