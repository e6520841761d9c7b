// Journal: where the store's changes become durable.  The world's edge towards the disk.
//
// Threads: `load` before anything else, then `commit` from one thread (the store's writer).
// Errors: kUnavailable when the disk refuses (full, read-only, I/O error): nothing of that commit is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/result.h"

namespace minik::apiserver {

enum class Durability : std::uint8_t {
  kRelaxed,  // Survives the process; a power cut may take the last moments.  For what can be computed again.
  kSynced,   // On the disk when commit() returns.  For what a client was told.
};

class Journal {
 public:
  struct Change {
    api::Key key;
    std::uint64_t revision = 0;
    const std::string* body = nullptr;  // Null: the object is gone.
  };
  struct Stored {
    std::string resource;
    std::uint64_t revision = 0;
    std::string body;
  };
  struct Loaded {
    std::uint64_t revision = 0;  // Of the last commit.
    std::vector<Stored> objects;
  };

  virtual ~Journal() = default;
  virtual Result<Loaded> load() = 0;
  // All changes or none.
  virtual Result<> commit(std::span<const Change> changes, std::uint64_t revision, Durability durability) = 0;
};

// The in-memory twin: strict about order, keeps what was committed, and refuses on request.
class MemoryJournal final : public Journal {
 public:
  // What a new store would load: shared by the journals that outlive each other in tests.
  struct Disk {
    Loaded content;
    bool full = false;  // commit() answers kUnavailable.
    int commits = 0;
    int synced = 0;
  };
  explicit MemoryJournal(std::shared_ptr<Disk> disk = std::make_shared<Disk>()) : disk_(std::move(disk)) {}
  Result<Loaded> load() override;
  Result<> commit(std::span<const Change> changes, std::uint64_t revision, Durability durability) override;

 private:
  std::shared_ptr<Disk> disk_;
};

// SQLite in WAL mode at `path`.  Errors: kUnavailable with SQLite's text and the path.
Result<std::unique_ptr<Journal>> open_sqlite_journal(const std::string& path);

}  // namespace minik::apiserver
