// System: the objects that every cluster has: namespaces, the node, the Services kubernetes and kube-dns with
// what is behind them.  Made when absent, corrected when wrong, so that deleting one is no way to break a
// lab.
#pragma once

#include "base/ip.h"
#include "controllers/controller.h"

namespace minik::controllers {

struct SystemConfig {
  std::string node_name;
  std::vector<Ip> node_addresses;
  std::vector<Cidr> pod_cidrs, service_cidrs;
  int api_port = 6443;       // Of the API server's socket in the node.
  Ip kubernetes_ip, dns_ip;  // First and tenth address of the Service range.
  std::string version, os_image, kernel, runtime_version, machine_id, boot_id;
  int cpus = 1;
  std::uint64_t memory_bytes = 0;
  std::size_t pods = 0;  // Most the node takes.
};

// Pods with this annotation are served by minik itself from their network namespace.
inline constexpr const char* kBuiltInAnnotation = "minik.dev/built-in";
bool is_built_in(const api::Object& pod);

class SystemController final : public Controller {
 public:
  explicit SystemController(SystemConfig config) : config_(std::move(config)) {}
  std::vector<api::Write> reconcile(const World& world) override;

 private:
  void ensure(const World& world, const std::string& resource, Json wanted,
              std::initializer_list<const char*> members, std::vector<api::Write>& writes) const;
  void ensure_node(const World& world, std::vector<api::Write>& writes) const;

  SystemConfig config_;
  api::SnapshotPtr seen_;
};

}  // namespace minik::controllers
