// ImageStore: the images on this machine.
//
//   STATE/images/layers/<digest>/fs   a root file system, as an overlay takes it
//   STATE/images/layers/<digest>/ok   written last; a layer without it is removed at the next start
//   STATE/images/refs.json            normalised name → digest, source, size, time
//
// Threads: any (locked inside; an import holds the lock only to write its reference).
// Ownership: everything below STATE/images.  Errors: kInvalid, kNotFound, kConflict, kKernel.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "runtime/aliases.h"
#include "runtime/paths.h"
#include "runtime/tree_copy.h"

namespace minik::runtime {

struct StoredImage {
  std::string id;     // sha256:…
  std::string lower;  // The directory for the overlay.
  ImageDefaults defaults;
};

class ImageStore {
 public:
  static Result<std::unique_ptr<ImageStore>> open(const Paths& paths);

  // A copy of `directory` becomes the image `name`; a name that is there already moves to the new one.
  Result<ImageInfo> add_directory(const std::string& name, const std::string& directory);
  std::optional<StoredImage> find(const std::string& normalised) const;
  std::vector<ImageInfo> list() const;
  // `used`: ids that containers run from.
  Result<> remove(const std::string& name, const std::set<std::string>& used);

 private:
  struct Reference {
    std::string digest, source;
    std::uint64_t bytes = 0;
    WallTime created{};
  };
  using References = std::map<std::string, Reference>;

  explicit ImageStore(const Paths& paths) : root_(paths.images()), state_(paths.state()) {}
  std::string layer(const std::string& digest) const { return root_ + "/layers/" + digest; }
  Result<> load();
  Result<> sweep();
  Result<> save(const References& references) const;
  Result<> check_directory(const std::string& directory) const;
  Result<CopiedTree> import(const std::string& directory);

  std::string root_, state_;
  Guarded<References> references_;
};

}  // namespace minik::runtime
