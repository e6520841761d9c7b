// The log of one container in CRI form, and the two streams that feed it.
//
// A record is "RFC3339Nano stdout|stderr F|P text\n", written by one writev.  P marks a piece of a longer
// line: one that reached 16 KiB, or a tail without line end at the end of the stream.  An unfinished tail is
// held, not written. Files are rotated at 10 MiB; four older ones (.1 is the youngest) are kept.  A full disk
// loses lines, never blocks.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/shim/protocol.h"

namespace minik::shim {

inline constexpr size_t kPieceMax = 16 * 1024;
inline constexpr int64_t kLogBytesMax = 10 * 1024 * 1024;
inline constexpr int kOldLogs = 4;

struct LogFile {
  int fd;
  int64_t bytes;
  char path[kPathSize];
};

bool log_open(LogFile* log, const char* path);  // errno says why not.
void log_close(LogFile* log);

struct Stream {
  int fd;  // -1: closed.
  const char* name;
  struct Container* owner;  // Its attached clients get what is read, too.
  size_t held;
  char buffer[kPieceMax];
};

// Reads once and writes what is whole.  False at the end of the stream, which is then closed.
bool stream_pump(Stream* stream, LogFile* log);
// Reads what is there without waiting, writes the tail, closes.
void stream_finish(Stream* stream, LogFile* log);

int64_t wall_clock_ns();

}  // namespace minik::shim
