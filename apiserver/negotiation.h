// Negotiation: which form of an answer an Accept header asks for (RFC 9110 section 12.5.1, wire-compat.md
// section 7), and that form made from our JSON.
//
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/request.h"

namespace minik::apiserver {

struct Accepted {
  enum class As : unsigned char { kObject, kTable, kPartial } as = As::kObject;
  std::string meta_version = "v1";  // Of meta.k8s.io, for Table and PartialObjectMetadata.
  bool yaml = false;
};

// The best form that we have; no value when none is acceptable: 406.
std::optional<Accepted> negotiate(std::string_view accept);
// Makes a JSON answer YAML, or indents it for people (?pretty=true, curl, wget, browsers).
void dress(const Request& request, Response& response);
// gzip of a body at the fastest level; no value when zlib refuses.
std::optional<std::string> gzip(std::string_view body);
// Whether an Accept-Encoding header allows gzip.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace minik::apiserver
