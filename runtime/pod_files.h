// The files that the kubelet manages in a pod: /etc/hosts and /etc/resolv.conf, byte for byte.
//
// Pure.  Specification: pod-runtime.md 7.9, dns.md 3.1, the guide's chapters on dnsConfig and hostAliases.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/pod.h"

namespace minik::runtime {

// `addresses`: the pod's IPs, IPv4 or IPv6.  `node_hosts`: the node's file, for hostNetwork.
std::string hosts_file(const api::Object& pod, const std::vector<std::string>& addresses,
                       std::string_view cluster_domain, std::string_view node_hosts);

struct ResolvConf {
  std::vector<std::string> nameservers, searches, options;
  std::string text() const;
  bool operator==(const ResolvConf&) const = default;
};
// As libresolv: the last `search` and `options` lines win, nameservers accumulate.
ResolvConf parse_resolv_conf(std::string_view text);

struct DnsSetting {
  std::string cluster_ip, cluster_domain;
  ResolvConf host;
};
// `warning` becomes the text of the Event DNSConfigForming when the limits (3 nameservers, 32 searches, 2048
// characters) took something away.
ResolvConf resolv_conf(const api::Object& pod, const DnsSetting& setting, std::string& warning);

// The node's file, or systemd-resolved's upstream list when that names only its stub.
ResolvConf read_node_resolv_conf();

}  // namespace minik::runtime
