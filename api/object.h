// Object: one stored API object at one revision.  Immutable once made.
//
// Threads: any thread may read; the typed view is made once, under a flag.
// Ownership: shared; whoever holds an ObjectPtr keeps that revision alive.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace minik::api {

// Where an object lives.  `resource` is the plural with its group: "pods", "deployments.apps".
struct Key {
  std::string resource;
  std::string ns;  // Empty for cluster-wide objects.
  std::string name;
  std::string text() const;  // services default/web
  friend auto operator<=>(const Key&, const Key&) = default;
};

// Order of objects inside one resource.
struct NsName {
  std::string ns;
  std::string name;
  friend auto operator<=>(const NsName&, const NsName&) = default;
};

using Labels = std::map<std::string, std::string>;

struct OwnerRef {
  std::string api_version, kind, name, uid;
  bool controller = false;
};

// metadata, parsed.
struct Meta {
  std::string name, ns, uid;
  std::int64_t generation = 0;
  WallTime created{};
  std::optional<WallTime> deletion;  // Set once a graceful deletion began.
  std::int64_t deletion_grace_seconds = 0;
  Labels labels, annotations;
  std::vector<OwnerRef> owners;
  std::vector<std::string> finalizers;
  static Meta parse(const Json& body);
};

class Object {
 public:
  // `body` is the whole object with kind, apiVersion and metadata.resourceVersion.
  Object(std::string resource, std::uint64_t revision, Json body);
  // The same, when its text is already there.
  Object(std::string resource, std::uint64_t revision, Json body, std::string bytes);

  const std::string& resource() const { return resource_; }
  const std::string& name() const { return meta_.name; }
  const std::string& ns() const { return meta_.ns; }
  const std::string& uid() const { return meta_.uid; }
  Key key() const { return {resource_, meta_.ns, meta_.name}; }
  std::uint64_t revision() const { return revision_; }
  const Meta& meta() const { return meta_; }
  const Json& body() const { return body_; }
  // The body as JSON text, made once; GET, LIST and WATCH copy these bytes.
  const std::string& bytes() const { return bytes_; }

  // The typed view T::parse(object), made at the first call.  Ask one object for one type only.
  template <class T>
  const T& view() const {
    std::call_once(view_once_, [this] { view_ = std::make_shared<T>(T::parse(*this)); });
    return *static_cast<const T*>(view_.get());
  }

 private:
  std::string resource_;
  std::uint64_t revision_;
  Json body_;
  std::string bytes_;
  Meta meta_;
  mutable std::once_flag view_once_;
  mutable std::shared_ptr<const void> view_;
};

using ObjectPtr = std::shared_ptr<const Object>;

// A wish to change one object; the store may refuse it (kConflict) and then the next tick computes it again
// from fresher facts.
struct Write {
  enum class Op : std::uint8_t {
    kPut,        // Create (expected_revision 0) or replace all but the status.
    kPutStatus,  // Replace the status (and nothing else).
    kPutAll,     // Replace spec, metadata and status at once: only the object's own controller does this.
    kDelete,     // Ask for deletion, as a client would: grace and finalizers apply.
    kRemove,     // Take the object away now: its controller has done all there was to do.
  };
  Op op = Op::kPut;
  Key key;
  std::uint64_t expected_revision = 0;  // 0: create, or "whatever is there" for the deletions.
  Json body;                            // kPutStatus: the whole object with the new status.
};

}  // namespace minik::api
