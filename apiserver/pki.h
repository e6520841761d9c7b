// Pki: the cluster's own certificate authority, made at the first start, and what it signs.
//
// Files in one directory, keys 0600: ca.crt ca.key server.crt server.key admin.crt admin.key.  ECDSA P-256,
// SHA-256; the server's names are Subject Alternative Names (Go ignores CN).  RFC 5280.
// Errors: from_errno for files, kInternal with OpenSSL's text.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace minik::apiserver {

struct Pki {
  std::string ca_cert, server_cert, server_key, admin_cert, admin_key;  // PEM
};

// Reads the files, making what is missing.  The server's certificate is made anew when `names` (DNS names and
// IP addresses) are not all in it or it ends within a month.
Result<Pki> ensure_pki(const std::string& directory, const std::vector<std::string>& names);

}  // namespace minik::apiserver
