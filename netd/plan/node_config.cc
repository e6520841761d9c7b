#include "netd/plan/node_config.h"

#include <fmt/format.h>

#include "base/files.h"

namespace minik::netd {

std::string node_netns_name(const std::string& cluster, const std::string& node) {
  return fmt::format("minik-{}-{}", cluster, node);
}

std::string host_link_name(const std::string& cluster, const std::string& node) {
  return fmt::format("mk-{:012x}", fnv1a(cluster + "/" + node) & 0xffffffffffff);
}

std::string host_link_alias(const std::string& cluster, const std::string& node) {
  return fmt::format("minik {}/{}", cluster, node);
}

std::string host_table_name(const std::string& cluster) { return "minik-host-" + cluster; }

std::string pod_link_name(const std::string& uid) {
  return fmt::format("mk{:012x}", fnv1a(uid) & 0xffffffffffff);
}

}  // namespace minik::netd
