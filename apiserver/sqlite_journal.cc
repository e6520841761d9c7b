#include <fmt/format.h>
#include <sqlite3.h>

#include "apiserver/journal.h"

namespace minik::apiserver {
namespace {

struct CloseDb {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Db = std::unique_ptr<sqlite3, CloseDb>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS objects (resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,"
    " revision INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (resource, ns, name));"
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO counters VALUES ('revision', 0);";

class SqliteJournal final : public Journal {
 public:
  explicit SqliteJournal(Db db, std::string path) : db_(std::move(db)), path_(std::move(path)) {}

  Result<> prepare() {
    TRY(run("PRAGMA journal_mode=WAL"));
    TRY(run("PRAGMA synchronous=FULL"));
    TRY(run("PRAGMA locking_mode=EXCLUSIVE"));  // One daemon per state directory.
    TRY(run(kTables));
    put_ =
        TRY(statement("INSERT INTO objects VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (resource, ns, name)"
                      " DO UPDATE SET revision = ?4, body = ?5"));
    remove_ = TRY(statement("DELETE FROM objects WHERE resource = ?1 AND ns = ?2 AND name = ?3"));
    count_ = TRY(statement("UPDATE counters SET value = ?1 WHERE name = 'revision'"));
    return {};
  }

  Result<Loaded> load() override {
    Loaded loaded;
    const Statement revision = TRY(statement("SELECT value FROM counters WHERE name = 'revision'"));
    if (sqlite3_step(revision.get()) == SQLITE_ROW) {
      loaded.revision = static_cast<std::uint64_t>(sqlite3_column_int64(revision.get(), 0));
    }
    const Statement all = TRY(statement("SELECT resource, revision, body FROM objects ORDER BY revision"));
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(all.get())) == SQLITE_ROW) {
      loaded.objects.push_back({text(all.get(), 0),
                                static_cast<std::uint64_t>(sqlite3_column_int64(all.get(), 1)),
                                text(all.get(), 2)});
    }
    if (step != SQLITE_DONE) return failed("read");
    return loaded;
  }

  Result<> commit(std::span<const Change> changes, std::uint64_t revision, Durability durability) override {
    // In WAL mode commits are one file in order: a synced commit carries all relaxed ones before it.
    if (durability != last_) {
      TRY(run(durability == Durability::kSynced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
      last_ = durability;
    }
    TRY(run("BEGIN IMMEDIATE"));
    auto written = write(changes, revision);
    if (written.ok()) written = run("COMMIT");
    if (!written.ok()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return written;
  }

 private:
  Result<> write(std::span<const Change> changes, std::uint64_t revision) {
    for (const Change& change : changes) {
      sqlite3_stmt* s = change.body != nullptr ? put_.get() : remove_.get();
      bind(s, 1, change.key.resource);
      bind(s, 2, change.key.ns);
      bind(s, 3, change.key.name);
      if (change.body != nullptr) {
        sqlite3_bind_int64(s, 4, static_cast<sqlite3_int64>(change.revision));
        sqlite3_bind_blob64(s, 5, change.body->data(), change.body->size(), SQLITE_STATIC);
      }
      TRY(step(s));
    }
    sqlite3_bind_int64(count_.get(), 1, static_cast<sqlite3_int64>(revision));
    return step(count_.get());
  }

  static void bind(sqlite3_stmt* s, int at, const std::string& value) {
    sqlite3_bind_text(s, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }

  Result<> step(sqlite3_stmt* s) {
    const int code = sqlite3_step(s);
    sqlite3_reset(s);
    if (code != SQLITE_DONE) return failed("write");
    return {};
  }

  static std::string text(sqlite3_stmt* s, int column) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(s, column));
    return bytes == nullptr ? std::string()
                            : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(s, column)));
  }

  Result<> run(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed("write");
    return {};
  }

  Result<Statement> statement(const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr) != SQLITE_OK) return failed("prepare");
    return Statement(raw);
  }

  Error failed(const char* doing) const {
    return Error(Code::kUnavailable,
                 fmt::format("the store cannot {} {}: {}", doing, path_, sqlite3_errmsg(db_.get())));
  }

  Db db_;
  std::string path_;
  Statement put_, remove_, count_;
  Durability last_ = Durability::kSynced;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_sqlite_journal(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Db db(raw);
  if (code != SQLITE_OK) {
    return Error(Code::kUnavailable, fmt::format("the store cannot open {}: {}", path, sqlite3_errstr(code)));
  }
  auto journal = std::make_unique<SqliteJournal>(std::move(db), path);
  TRY(journal->prepare());
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace minik::apiserver
