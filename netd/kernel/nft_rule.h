// One rule as a libnftnl object.
#pragma once

#include <libnftnl/rule.h>

#include <memory>
#include <string>

#include "netd/plan/ruleset.h"

namespace minik::netd {

using NftRule = std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)>;

// With its comment and fingerprint as user data.
NftRule encode_rule(const TableName& table, const std::string& chain, const Rule& rule);
// The fingerprint in a rule's user data; 0 if there is none, as in rules that somebody else made.
std::uint64_t fingerprint_of(const nftnl_rule& rule);

}  // namespace minik::netd
