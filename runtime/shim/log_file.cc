#include "runtime/shim/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/shim/attach.h"

namespace minik::shim {
namespace {

// "2026-01-02T03:04:05" without the C library's time zones.
void format_second(int64_t seconds, char* out, size_t size) {
  const int64_t days = seconds / 86400;
  const int64_t left = seconds % 86400;
  // Civil date from days since 1970 (H. Hinnant's algorithm).
  const int64_t z = days + 719468;
  const int64_t era = z / 146097;
  const int64_t doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t day = doy - (153 * mp + 2) / 5 + 1;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  const int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(year), static_cast<int>(month),
           static_cast<int>(day), static_cast<int>(left / 3600), static_cast<int>(left / 60 % 60),
           static_cast<int>(left % 60));
}

void rotate(LogFile* log) {
  char from[kPathSize + 8];
  char to[kPathSize + 8];
  for (int i = kOldLogs; i > 0; --i) {
    snprintf(to, sizeof to, "%s.%d", log->path, i);
    if (i > 1) {
      snprintf(from, sizeof from, "%s.%d", log->path, i - 1);
    } else {
      snprintf(from, sizeof from, "%s", log->path);
    }
    rename(from, to);
  }
  const int fresh = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fresh < 0) return;
  close(log->fd);
  log->fd = fresh;
  log->bytes = 0;
}

void write_record(LogFile* log, const char* stream, bool whole, const char* text, size_t size) {
  static int64_t known_second = -1;
  static char second_text[32];
  if (log->fd < 0) return;
  if (log->bytes >= kLogBytesMax) rotate(log);
  const int64_t now = wall_clock_ns();
  if (now / 1000000000 != known_second) {
    known_second = now / 1000000000;
    format_second(known_second, second_text, sizeof second_text);
  }
  char head[64];
  const int head_size = snprintf(head, sizeof head, "%s.%09dZ %s %c ", second_text,
                                 static_cast<int>(now % 1000000000), stream, whole ? 'F' : 'P');
  char end = '\n';
  iovec parts[3] = {{head, static_cast<size_t>(head_size)}, {const_cast<char*>(text), size}, {&end, 1}};
  const ssize_t written = writev(log->fd, parts, 3);
  if (written > 0) log->bytes += written;
}

// Writes every whole line of the buffer and, if it is full of one line, that piece; keeps the rest.
void write_lines(Stream* stream, LogFile* log) {
  size_t at = 0;
  while (at < stream->held) {
    const void* found = memchr(stream->buffer + at, '\n', stream->held - at);
    if (found == nullptr) break;
    const size_t end = static_cast<size_t>(static_cast<const char*>(found) - stream->buffer);
    write_record(log, stream->name, true, stream->buffer + at, end - at);
    at = end + 1;
  }
  if (at == 0 && stream->held == kPieceMax) {
    write_record(log, stream->name, false, stream->buffer, stream->held);
    at = stream->held;
  }
  stream->held -= at;
  memmove(stream->buffer, stream->buffer + at, stream->held);
}

void close_stream(Stream* stream, LogFile* log) {
  if (stream->held > 0) write_record(log, stream->name, false, stream->buffer, stream->held);
  stream->held = 0;
  close(stream->fd);
  stream->fd = -1;
}

// `got` bytes were read behind what is held.
void taken(Stream* stream, LogFile* log, ssize_t got) {
  const size_t size = static_cast<size_t>(got);
  tell_attached(stream->owner, stream->name[3] == 'e', stream->buffer + stream->held, size);
  stream->held += size;
  write_lines(stream, log);
}

}  // namespace

int64_t wall_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

bool log_open(LogFile* log, const char* path) {
  snprintf(log->path, sizeof log->path, "%s", path);
  log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (log->fd < 0) return false;
  struct stat info {};
  log->bytes = fstat(log->fd, &info) == 0 ? info.st_size : 0;
  return true;
}

void log_close(LogFile* log) {
  if (log->fd >= 0) close(log->fd);
  log->fd = -1;
}

bool stream_pump(Stream* stream, LogFile* log) {
  const ssize_t got = read(stream->fd, stream->buffer + stream->held, kPieceMax - stream->held);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    close_stream(stream, log);
    return false;
  }
  if (got == 0) {
    close_stream(stream, log);
    return false;
  }
  taken(stream, log, got);
  return true;
}

void stream_finish(Stream* stream, LogFile* log) {
  while (stream->fd >= 0) {
    const ssize_t got = read(stream->fd, stream->buffer + stream->held, kPieceMax - stream->held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return close_stream(stream, log);
    taken(stream, log, got);
  }
}

}  // namespace minik::shim
