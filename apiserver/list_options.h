// ListOptions: what the query of a list or a watch asks for, checked as upstream checks it.
//
// Pure.  Errors: kInvalid, without causes for a value that cannot be read (400), with causes for a
// combination that is not allowed (422; the Status is about ListOptions.meta.k8s.io, see list_options_about).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "api/object.h"
#include "apiserver/request.h"
#include "apiserver/status.h"

namespace minik::apiserver {

struct ListOptions {
  enum class Match : std::uint8_t { kUnset, kExact, kNotOlderThan };
  bool watch = false;
  bool bookmarks = false;
  std::optional<bool> send_initial;
  std::optional<std::uint64_t> revision;  // Absent: the newest.  0: any.
  Match match = Match::kUnset;
  std::int64_t limit = 0;  // 0: all.
  std::string continue_token;
  std::optional<std::chrono::seconds> timeout;
};

// `watch` is forced for the paths below /watch/.
Result<ListOptions> parse_list_options(const Request& request, bool watch);
// A query's bool: present and neither "false" nor "0".
bool query_bool(const Request& request, const std::string& name);
About list_options_about();

// Where a list goes on.  Opaque to clients; the form is upstream's.
struct ContinueToken {
  std::optional<std::uint64_t> revision;  // Absent: whatever is newest then; such a list is not consistent.
  api::NsName after;
  std::string text() const;
  static Result<ContinueToken> parse(std::string_view text);
};

// Errors: kTimeout for a revision that is not reached yet.
Result<> check_reached(std::uint64_t wanted, std::uint64_t current);

}  // namespace minik::apiserver
