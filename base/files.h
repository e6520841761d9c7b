// Files and bytes: whole-file reads, atomic writes, digests.
//
// Errors: from_errno with the path in the message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minik {

Result<std::string> read_file(const std::string& path);
// Written beside the target and renamed over it.  `mode` as for chmod.
Result<> write_file(const std::string& path, std::string_view content, unsigned mode = 0644);
// Written into the existing file (bind mounts keep seeing it); created if absent.
Result<> rewrite_file(const std::string& path, std::string_view content, unsigned mode = 0644);
Result<> make_dirs(const std::string& path, unsigned mode = 0755);
// Deletes a tree without following links or crossing into mounts.  A path that does not exist is fine.
Result<> remove_tree(const std::string& path);
bool path_exists(const std::string& path);
// Where a helper program is: beside our own binary, else in /usr/libexec/minik.
std::string program_beside(const std::string& name);

std::string sha256_hex(std::string_view bytes);
std::string base64(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);
// Cryptographically random.
std::string random_hex(std::size_t bytes);
std::string random_uuid();                      // RFC 4122 version 4.
std::string random_suffix(std::size_t length);  // Of Kubernetes' generateName alphabet.
std::uint64_t fnv1a(std::string_view bytes);    // Stable hash, not for secrets.

}  // namespace minik
