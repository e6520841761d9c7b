#include "runtime/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "runtime/cri_log.h"

namespace minik::runtime {
namespace {

constexpr int kOldLogs = 4;  // As the shim rotates: .1 is the youngest.
constexpr std::size_t kBlock = 64 * 1024;
constexpr int kIdleMs = 1000;
constexpr int kClosingMs = 20;

// Oldest first.
std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> files;
  for (int i = kOldLogs; i > 0; --i) {
    const std::string old = path + "." + std::to_string(i);
    if (path_exists(old)) files.push_back(old);
  }
  files.push_back(path);
  return files;
}

class Reader {
 public:
  Reader(const LogRequest& request, const LogSink& sink) : sink_(sink) {
    selection_.timestamps = request.timestamps;
    selection_.since = request.since_time;
    if (request.since_seconds) {
      selection_.since = std::chrono::system_clock::now() - std::chrono::seconds(*request.since_seconds);
    }
    selection_.bytes_left = request.limit_bytes;
    selection_.stream = request.stream;
  }

  Result<> open(const std::string& path, off_t offset) {
    fd_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_.valid()) return Error::from_errno(errno, path);
    ::lseek(fd_.get(), offset, SEEK_SET);
    unfinished_.clear();
    return {};
  }

  // Gives out what is there.  False when the reader wants no more.
  bool drain() {
    std::vector<char> block(kBlock);
    for (;;) {
      const ssize_t got = ::read(fd_.get(), block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return true;
      unfinished_.append(block.data(), static_cast<std::size_t>(got));
      if (!give_lines()) return false;
    }
  }

  bool idle() { return sink_(""); }
  // Whether the name leads to another file by now.
  bool rotated(const std::string& path) const {
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd_.get(), &ours) != 0 || ::stat(path.c_str(), &named) != 0) return false;
    return ours.st_ino != named.st_ino;
  }

 private:
  bool give_lines() {
    std::string out;
    std::size_t at = 0;
    for (auto end = unfinished_.find('\n'); end != std::string::npos; end = unfinished_.find('\n', at)) {
      const auto record = parse_log_record(std::string_view(unfinished_).substr(at, end - at));
      if (record) out += select_record(*record, selection_);
      at = end + 1;
      if (selection_.bytes_left == 0) break;
    }
    unfinished_.erase(0, at);
    if (!out.empty() && !sink_(out)) return false;
    return selection_.bytes_left != 0;
  }

  const LogSink& sink_;
  LogSelection selection_;
  UniqueFd fd_;
  std::string unfinished_;
};

std::int64_t count_lines(std::string_view text) {
  std::int64_t lines = 0;
  while (tail_offset(text, lines + 1)) ++lines;
  return lines;
}

struct Position {
  std::size_t file;
  off_t offset;
};

// Where the last `lines` lines begin.
Result<Position> find_tail(const std::vector<std::string>& files, std::int64_t lines) {
  for (std::size_t i = files.size(); i-- > 0;) {
    const std::string text = TRY(read_file(files[i]));
    if (const auto at = tail_offset(text, lines)) return Position{i, static_cast<off_t>(*at)};
    lines -= count_lines(text);
  }
  return Position{0, 0};
}

// Whether the writer closed the file: then the end is a matter of moments.
bool take_events(int notify) {
  alignas(inotify_event) std::array<char, 4096> events;
  bool closed = false;
  for (ssize_t got = 0; (got = ::read(notify, events.data(), events.size())) > 0;) {
    for (ssize_t at = 0; at < got;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(events.data() + at);
      closed = closed || (event.mask & IN_CLOSE_WRITE) != 0;
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return closed;
}

Result<> follow(Reader& reader, const std::string& path, const std::function<bool()>& ended) {
  const UniqueFd notify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string directory = path.substr(0, path.rfind('/'));
  constexpr std::uint32_t kEvents = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE;
  if (::inotify_add_watch(notify.get(), directory.c_str(), kEvents) < 0) {
    return Error::from_errno(errno, "watch " + directory);
  }
  bool closed = false;
  for (;;) {
    const bool over = ended();
    const bool moved = reader.rotated(path);
    if (!reader.drain()) return {};
    if (moved) {
      TRY(reader.open(path, 0));
      continue;
    }
    if (over) return {};
    pollfd wait{notify.get(), POLLIN, 0};
    const bool quiet = ::poll(&wait, 1, closed ? kClosingMs : kIdleMs) == 0;
    if (quiet && !closed && !reader.idle()) return {};
    closed = take_events(notify.get());
  }
}

}  // namespace

Result<> read_log(const std::string& path, const LogRequest& request, const LogSink& sink,
                  const std::function<bool()>& ended) {
  const std::vector<std::string> files = files_of(path);
  Position begin{0, 0};
  if (request.tail_lines) begin = TRY(find_tail(files, *request.tail_lines));
  Reader reader(request, sink);
  for (std::size_t i = begin.file; i < files.size(); ++i) {
    TRY(reader.open(files[i], i == begin.file ? begin.offset : 0));
    if (!reader.drain()) return {};
  }
  return request.follow ? follow(reader, path, ended) : Result<>();
}

}  // namespace minik::runtime
