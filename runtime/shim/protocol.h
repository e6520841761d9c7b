// What the daemon and a pod's shim say to each other: one packet per message on a SEQPACKET unix socket.
//
// Both sides are the same machine and the same build family, so the messages are plain structs; `magic` holds
// the version, and a side that sees another one closes the connection.  Every request gets exactly one Reply,
// in the order in which the work ends.  After kWatch (whose Reply has all containers) each end of a container
// is told by a Reply with verb kExited.
//
// The Reply to kAttach brings a descriptor: the terminal's master side, or, if stdin was asked for and is
// open, the pipe's write end.  The pipes given with kAttach must not block; they are closed when the
// container ends, or when they are full.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace minik::shim {

inline constexpr uint32_t kMagic = 0x4d4b5332;  // "MKS2"
inline constexpr int kContainersMax = 64;       // At once, of one pod.
inline constexpr size_t kIdSize = 72;           // 64 hex digits and a zero.
inline constexpr size_t kPathSize = 512;
inline constexpr size_t kTextSize = 1024;

enum Verb : uint32_t {
  kCreate = 1,  // cid, bundle, log, streams: `crun create`; answers pid and start ticks.
  kStart,       // cid
  kSignal,      // cid, signal
  kStatus,      // Answers all containers.
  kWatch,       // As kStatus, and from now on kExited.
  kRemove,      // cid: ends it if it lives, `crun delete`, forgets it.
  kQuit,        // Ends all containers, then the shim.
  kExited,      // Only from the shim.
  kAttach,      // cid, stdin_open, and two descriptors: pipes for output and errors from now on.
};

enum State : uint32_t { kFree, kCreating, kCreated, kRunning, kStopped };

struct Request {
  uint32_t magic, verb;
  int32_t signal;
  uint32_t stdin_open, stdin_once, tty;
  char cid[kIdSize];
  char bundle[kPathSize];  // Absolute.
  char log[kPathSize];     // Absolute.
};

struct Entry {
  char cid[kIdSize];
  uint32_t state;
  int32_t pid;
  uint64_t start_ticks;  // Field 22 of /proc/PID/stat: with the pid it names one process of this boot.
  int32_t exit_code;     // WEXITSTATUS or 128 + signal.
  int32_t exit_signal;
  uint32_t core, tty;
  int64_t started_ns, finished_ns;  // Wall clock.
};

// Sent as long as it needs to be: reply_size(count) bytes.
struct Reply {
  uint32_t magic, verb;
  int32_t error;  // 0, or an errno, or -1 when crun failed and `text` has its words.
  uint32_t count;
  char text[kTextSize];
  Entry entries[kContainersMax];
};

inline constexpr size_t reply_size(uint32_t count) {
  return offsetof(Reply, entries) + count * sizeof(Entry);
}

}  // namespace minik::shim
