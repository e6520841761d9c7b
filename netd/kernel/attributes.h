// Walks netlink attributes; libmnl's macros do not compile as C++.
#pragma once

#include <libmnl/libmnl.h>

#include <cstddef>

namespace minik::netd {

// Calls visit(const nlattr*) until it answers false.  The bytes are those of the kernel or our own.
template <class Visit>
void for_each_attribute(const void* from, const void* end, Visit&& visit) {
  const auto* attribute = static_cast<const nlattr*>(from);
  const auto left = [&] {
    return static_cast<int>(static_cast<const char*>(end) - reinterpret_cast<const char*>(attribute));
  };
  for (; mnl_attr_ok(attribute, left()); attribute = mnl_attr_next(attribute)) {
    if (!visit(attribute)) return;
  }
}

}  // namespace minik::netd
