#include "runtime/pod_files.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace minik::runtime {
namespace {

constexpr std::size_t kNameserversMax = 3;
constexpr std::size_t kSearchesMax = 32;
constexpr std::size_t kSearchCharactersMax = 2048;
constexpr std::size_t kSearchMax = 253;
constexpr std::size_t kResolvConfMax = 10 * 1024 * 1024;

constexpr std::string_view kHostsHead =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n";

std::string alias_lines(const api::Pod& pod) {
  if (pod.host_aliases.empty()) return "";
  std::string text = "\n# Entries added by HostAliases.\n";
  for (const auto& alias : pod.host_aliases) text += alias.ip + "\t" + join(alias.hostnames, "\t") + "\n";
  return text;
}

void add_once(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

std::string option_name(std::string_view option) { return std::string(option.substr(0, option.find(':'))); }

void merge_option(std::vector<std::string>& options, const std::string& name, const std::string& value) {
  const std::string text = value.empty() ? name : name + ":" + value;
  for (std::string& option : options) {
    if (option_name(option) != name) continue;
    option = text;
    return;
  }
  options.push_back(text);
}

// What was cut, in the kubelet's words.
std::string limit(ResolvConf& conf) {
  const ResolvConf before = conf;
  if (conf.nameservers.size() > kNameserversMax) conf.nameservers.resize(kNameserversMax);
  if (conf.searches.size() > kSearchesMax) conf.searches.resize(kSearchesMax);
  std::erase_if(conf.searches, [](const std::string& s) { return s.size() > kSearchMax; });
  while (join(conf.searches, " ").size() > kSearchCharactersMax) conf.searches.pop_back();
  if (before.nameservers != conf.nameservers) {
    return "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line "
           "is: " +
           join(conf.nameservers, " ");
  }
  if (before.searches == conf.searches) return "";
  return "Search Line limits were exceeded, some search paths have been omitted, the applied search line "
         "is: " +
         join(conf.searches, " ");
}

ResolvConf base_of(const api::Object& object, const api::Pod& pod, const DnsSetting& setting) {
  if (pod.dns_policy == "None") return {};
  if (pod.dns_policy == "Default" || (pod.dns_policy == "ClusterFirst" && pod.host_network))
    return setting.host;
  ResolvConf conf;
  conf.nameservers = {setting.cluster_ip};
  const std::string& zone = setting.cluster_domain;
  conf.searches = {object.ns() + ".svc." + zone, "svc." + zone, zone};
  for (const auto& search : setting.host.searches) add_once(conf.searches, search);
  conf.options = {"ndots:5"};
  return conf;
}

}  // namespace

std::string hosts_file(const api::Object& object, const std::vector<std::string>& addresses,
                       std::string_view cluster_domain, std::string_view node_hosts) {
  const auto& pod = object.view<api::Pod>();
  if (pod.host_network) {
    return "# Kubernetes-managed hosts file (host network).\n" + std::string(node_hosts) + alias_lines(pod);
  }
  const std::string hostname = api::pod_hostname(object);
  std::string names = hostname;
  if (!pod.subdomain.empty()) {
    names = hostname + "." + pod.subdomain + "." + object.ns() + ".svc." + std::string(cluster_domain) +
            "\t" + hostname;
  }
  std::string text = "# Kubernetes-managed hosts file.\n" + std::string(kHostsHead);
  for (const auto& address : addresses) text += address + "\t" + names + "\n";
  return text + alias_lines(pod);
}

std::string ResolvConf::text() const {
  std::string out;
  for (const auto& server : nameservers) out += "nameserver " + server + "\n";
  if (!searches.empty()) out += "search " + join(searches, " ") + "\n";
  if (!options.empty()) out += "options " + join(options, " ") + "\n";
  return out;
}

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf conf;
  for (const auto& line : split(text.substr(0, kResolvConfMax), '\n')) {
    std::vector<std::string> words = split_words(line.substr(0, line.find_first_of("#;")));
    if (words.size() < 2) continue;
    const std::string keyword = words.front();
    words.erase(words.begin());
    if (keyword == "nameserver") conf.nameservers.push_back(words.front());
    if (keyword == "options") conf.options = words;
    if (keyword != "search") continue;
    for (std::string& search : words) {
      if (search.size() > 1 && search.back() == '.') search.pop_back();
    }
    conf.searches = words;
  }
  return conf;
}

ResolvConf resolv_conf(const api::Object& object, const DnsSetting& setting, std::string& warning) {
  const auto& pod = object.view<api::Pod>();
  ResolvConf conf = base_of(object, pod, setting);
  for (const auto& server : pod.dns_nameservers) add_once(conf.nameservers, server);
  for (const auto& search : pod.dns_searches) add_once(conf.searches, search);
  for (const auto& [name, value] : pod.dns_options) merge_option(conf.options, name, value);
  warning = limit(conf);
  return conf;
}

ResolvConf read_node_resolv_conf() {
  const auto file = read_file("/etc/resolv.conf");
  ResolvConf conf = parse_resolv_conf(file.ok() ? *file : "");
  const bool stub = conf.nameservers.size() == 1 && conf.nameservers[0] == "127.0.0.53";
  if (!stub) return conf;
  const auto upstream = read_file("/run/systemd/resolve/resolv.conf");
  return upstream.ok() ? parse_resolv_conf(*upstream) : conf;
}

}  // namespace minik::runtime
