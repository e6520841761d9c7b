// Header blocks of SPDY/3: name-value pairs behind one zlib stream per direction, with the draft's preset
// dictionary.
//
// Pure.  Threads: one at a time.  Errors: kInvalid for a broken stream, or a block of more than 64 KiB.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minik::apiserver::spdy {

using Headers = std::map<std::string, std::string>;  // Lower-case names.

// The preset dictionary: 1423 bytes whose Adler-32 is e3c6a7c2.
const std::string& dictionary();

struct ZlibState;

class Inflater {
 public:
  Inflater();
  ~Inflater();
  Result<Headers> block(std::string_view bytes);

 private:
  std::unique_ptr<ZlibState> state_;
};

class Deflater {
 public:
  explicit Deflater(bool with_dictionary);
  ~Deflater();
  std::string block(const Headers& headers);

 private:
  std::unique_ptr<ZlibState> state_;
};

}  // namespace minik::apiserver::spdy
