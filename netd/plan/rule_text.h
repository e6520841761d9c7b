// Rulesets in nft(8) syntax.  What `text` prints loads with `nft -f`, and `nft list` prints it back with the
// same meaning.
#pragma once

#include <string>

#include "netd/plan/plan.h"
#include "netd/plan/ruleset.h"

namespace minik::netd {

std::string text(TableFamily family, const Rule& rule);
std::string text(const Hook& hook);  // type nat hook prerouting priority -100; policy accept;
std::string text(const Set& set, const Element& element);
// Whole tables with all elements.
std::string text(const std::vector<Ruleset>& rules);

}  // namespace minik::netd
