// FieldSet: a set of field paths of an object, as metadata.managedFields keeps them (FieldsV1).
//
// A path element is written as FieldsV1 writes it: f:name, k:{"port":80}, v:"x", i:0.
// Pure.  Specification: KEP-555 (server-side apply), structured-merge-diff.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace minik::api {

class FieldSet {
 public:
  // Errors: kInvalid for what is no FieldsV1.
  static Result<FieldSet> parse(const Json& fields_v1);
  Json json() const;

  bool empty() const { return members_.empty() && children_.empty(); }
  bool has(const std::string& element) const { return members_.contains(element); }
  // Whether the element or anything below it is in the set.
  bool touches(const std::string& element) const;
  const FieldSet* below(const std::string& element) const;

  void insert(const std::string& element) { members_.insert(element); }
  void erase(const std::string& element);
  FieldSet& child(const std::string& element) { return children_[element]; }
  void add(const FieldSet& other);
  void subtract(const FieldSet& other);
  FieldSet intersection(const FieldSet& other) const;
  // Drops children that hold nothing.
  void prune();

  // All paths as the reference writes them, in order: .spec.ports[port=80,protocol="TCP"].targetPort
  std::vector<std::string> paths() const;
  friend bool operator==(const FieldSet& a, const FieldSet& b) {
    return a.members_ == b.members_ && a.children_ == b.children_;
  }

 private:
  void collect(const std::string& prefix, std::vector<std::string>& paths) const;

  std::set<std::string> members_;
  std::map<std::string, FieldSet> children_;
};

}  // namespace minik::api
