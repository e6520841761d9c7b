// For the tests of this room: clusters as snapshots, queries as bytes, replies taken apart.
//
// The decoder shares no code with the server, so that a mistake in the codec cannot hide itself.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/snapshot.h"
#include "base/json.h"
#include "base/text.h"
#include "dns/answer.h"
#include "dns/message.h"
#include "dns/zone_builder.h"

namespace minik::dns::test {

using Bytes = std::vector<std::uint8_t>;

inline Json json(std::string_view text) {
  auto parsed = parse_json(text);
  MINIK_ASSERT(parsed.ok());
  return *std::move(parsed);
}

// Objects that come and go; `snapshot` gives each state its own revision.
class Cluster {
 public:
  void put(const std::string& resource, const std::string& ns, const std::string& name, Json body) {
    body["metadata"]["name"] = name;
    if (!ns.empty()) body["metadata"]["namespace"] = ns;
    now_.put(std::make_shared<api::Object>(resource, ++revision_, std::move(body)));
  }
  void remove(const std::string& resource, const std::string& ns, const std::string& name) {
    ++revision_;
    now_.remove({resource, ns, name});
  }
  void ns(const std::string& name) { put("namespaces", "", name, Json::object()); }
  // `spec` as JSON text: {"clusterIPs":["10.96.0.20"],"ports":[...]}.
  void service(const std::string& ns, const std::string& name, std::string_view spec) {
    Json body{{"spec", json(spec)}};
    Json& s = body["spec"];
    if (s.contains("clusterIPs") && !s["clusterIPs"].empty()) s["clusterIP"] = s["clusterIPs"][0];
    put("services", ns, name, std::move(body));
  }
  // `endpoints` and `ports` as JSON text.
  void slice(const std::string& ns, const std::string& name, const std::string& service,
             std::string_view endpoints, std::string_view ports = "[]", const std::string& family = "IPv4") {
    Json body{{"addressType", family}, {"endpoints", json(endpoints)}, {"ports", json(ports)}};
    body["metadata"]["labels"]["kubernetes.io/service-name"] = service;
    put("endpointslices.discovery.k8s.io", ns, name, std::move(body));
  }
  void pod(const std::string& ns, const std::string& name, const std::string& ip,
           const std::string& phase = "Running", bool deleting = false) {
    Json body{{"spec", Json::object()}, {"status", {{"phase", phase}, {"podIP", ip}}}};
    body["status"]["podIPs"] = Json::array({{{"ip", ip}}});
    if (deleting) body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    put("pods", ns, name, std::move(body));
  }
  api::SnapshotPtr snapshot() {
    now_.set_revision(revision_);
    return std::make_shared<const api::Snapshot>(now_);
  }

 private:
  api::Snapshot now_;
  std::uint64_t revision_ = 0;
};

inline std::string endpoint(const std::string& ip, const std::string& hostname = "", bool ready = true) {
  const std::string host = hostname.empty() ? "" : fmt::format(R"(,"hostname":"{}")", hostname);
  return fmt::format(R"({{"addresses":["{}"],"conditions":{{"ready":{}}}{}}})", ip, ready, host);
}
inline std::string list(const std::vector<std::string>& items) { return "[" + join(items, ",") + "]"; }

inline Ip ip(std::string_view text) { return *Ip::parse(text); }
inline Cidr cidr(std::string_view text) { return *Cidr::parse(text); }

inline ZoneConfig fixture_config() {
  ZoneConfig config;
  config.dns_ip = ip("10.96.0.10");
  config.service_cidrs = {cidr("10.96.0.0/12"), cidr("fd00:96::/112")};
  config.pod_cidrs = {cidr("10.244.0.0/16"), cidr("fd00:244::/56")};
  return config;
}

inline ZoneBuilder builder(ZoneConfig config = fixture_config()) {
  auto made = ZoneBuilder::make(std::move(config));
  MINIK_ASSERT(made.ok());
  return std::move(made).value();
}

inline void add_fixture_headless(Cluster& c) {
  const std::string none = R"({"clusterIP":"None","ports":[{"name":"pg","port":5432,"targetPort":6432}]})";
  const std::string pg = R"([{"name":"pg","port":6432,"protocol":"TCP"}])";
  c.service("prod", "db", none);
  c.slice("prod", "db-1", "db", list({endpoint("10.244.0.11", "db-0"), endpoint("10.244.0.12", "db-1")}), pg);
  c.slice(
      "prod", "db-2", "db",
      list({endpoint("10.244.0.13"), endpoint("10.244.0.14", "", false), endpoint("10.244.0.12", "db-1")}),
      pg);
  c.service("prod", "db6", none);
  c.slice("prod", "db6-1", "db6", list({endpoint("fd00:244::15")}), pg, "IPv6");
  c.service("prod", "twin", none);
  c.slice("prod", "twin-1", "twin", list({endpoint("10.244.0.31", "twin"), endpoint("10.244.0.32", "twin")}),
          pg);
  c.service("prod", "idle", none);
  c.slice("prod", "idle-1", "idle", list({endpoint("10.244.0.33", "", false)}), pg);
  c.service("prod", "pub", R"({"clusterIP":"None","publishNotReadyAddresses":true})");
  c.slice("prod", "pub-1", "pub", list({endpoint("10.244.0.41")}));
  c.service("prod", "portless", R"({"clusterIP":"None"})");
  c.slice("prod", "portless-1", "portless", list({endpoint("10.244.0.51")}));
  c.service("prod", "manual", R"({"clusterIP":"None"})");
  c.slice("prod", "manual-1", "manual", list({endpoint("192.0.2.7")}));
  c.service("prod", "big", R"({"clusterIP":"None","ports":[{"name":"p","port":80}]})");
  for (int s = 0; s < 2; ++s) {
    std::vector<std::string> endpoints;
    for (int i = 0; i < 100; ++i) endpoints.push_back(endpoint(fmt::format("10.244.{}.{}", s + 1, i + 1)));
    c.slice("prod", fmt::format("big-{}", s), "big", list(endpoints), R"([{"name":"p","port":80}])");
  }
}

inline void add_fixture_external(Cluster& c) {
  const auto external = [&](const std::string& name, const std::string& target) {
    c.service("prod", name, fmt::format(R"({{"type":"ExternalName","externalName":"{}"}})", target));
  };
  external("ext", "www.example.com");
  external("extin", "WEB.prod.svc.cluster.local.");
  external("extdb", "db.prod.svc.cluster.local");
  external("extnx", "nx.prod.svc.cluster.local");
  external("la", "lb.prod.svc.cluster.local");
  external("lb", "la.prod.svc.cluster.local");
  external("extip", "203.0.113.9");
  for (int i = 0; i < 9; ++i) {
    external(fmt::format("chain{}", i), fmt::format("chain{}.prod.svc.cluster.local", i + 1));
  }
}

// The fixture of dns.md section 10.
inline Cluster fixture() {
  Cluster c;
  for (const char* name : {"default", "kube-system", "prod", "empty"}) c.ns(name);
  c.service("default", "kubernetes",
            R"({"clusterIPs":["10.96.0.1"],"ports":[{"name":"https","port":443,"protocol":"TCP"}]})");
  c.slice("default", "kubernetes", "kubernetes", list({endpoint("192.0.2.100")}),
          R"([{"name":"https","port":6443,"protocol":"TCP"}])");
  c.service("kube-system", "kube-dns", R"({"clusterIPs":["10.96.0.10"],"ports":[
    {"name":"dns","port":53,"protocol":"UDP"},{"name":"dns-tcp","port":53,"protocol":"TCP"}]})");
  c.service("prod", "web", R"({"clusterIPs":["10.96.0.20"],"ports":[
    {"name":"http","port":80,"targetPort":8080,"protocol":"TCP"},{"name":"q","port":53,"protocol":"UDP"}]})");
  c.slice("prod", "web-1", "web", list({endpoint("10.244.0.71")}), R"([{"name":"http","port":8080}])");
  c.service("prod", "one", R"({"clusterIPs":["10.96.0.21"],"ports":[{"port":80}]})");
  const std::string http = R"("ports":[{"name":"http","port":80}]})";
  c.service("prod", "noeps", R"({"clusterIPs":["10.96.0.22"],)" + http);
  c.service("prod", "six", R"({"clusterIPs":["fd00:96::20"],)" + http);
  c.service("prod", "dual", R"({"clusterIPs":["10.96.0.23","fd00:96::23"],)" + http);
  add_fixture_headless(c);
  add_fixture_external(c);
  c.pod("prod", "p1", "10.244.0.61");
  c.pod("prod", "web-x", "10.244.0.71");
  return c;
}

struct Query {
  std::string name;  // Dotted text, taken as it is (case kept); "" is the root.
  std::uint16_t type = kTypeA;
  bool rd = true;
  int edns = -1;  // Size; -1: no OPT.
  std::uint16_t cls = kClassIn;
  std::uint16_t id = 0x1234;
};

inline void append16(Bytes& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

inline Bytes opt(unsigned size, unsigned version = 0, bool dnssec_ok = false, const Bytes& options = {}) {
  Bytes record{0, 0, kTypeOpt};
  append16(record, size);
  record.push_back(0);
  record.push_back(static_cast<std::uint8_t>(version));
  append16(record, dnssec_ok ? 0x8000 : 0);
  append16(record, static_cast<unsigned>(options.size()));
  record.insert(record.end(), options.begin(), options.end());
  return record;
}

inline Bytes wire(const Query& q) {
  Bytes out;
  append16(out, q.id);
  append16(out, q.rd ? 0x0100 : 0);
  for (const unsigned count : {1U, 0U, 0U, q.edns >= 0 ? 1U : 0U}) append16(out, count);
  if (!q.name.empty()) {
    for (const std::string& label : split(q.name, '.')) {
      out.push_back(static_cast<std::uint8_t>(label.size()));
      out.insert(out.end(), label.begin(), label.end());
    }
  }
  out.push_back(0);
  append16(out, q.type);
  append16(out, q.cls);
  if (q.edns >= 0) {
    const Bytes record = opt(static_cast<unsigned>(q.edns));
    out.insert(out.end(), record.begin(), record.end());
  }
  return out;
}

struct Record {
  std::string owner, text;  // "A 10.96.0.1"
  std::uint32_t ttl = 0;
  std::uint16_t type = 0, cls = 0;
};

// A reply taken apart.  `ok` is false if any byte is out of place.
struct Decoded {
  bool ok = false;
  Bytes raw;
  std::uint16_t id = 0, flags = 0;
  int rcode = 0;  // With OPT's upper bits.
  std::string question;
  std::vector<Record> answers, authority, additional;  // Without OPT.
  bool has_opt = false;
  std::uint16_t opt_size = 0;
  std::uint32_t opt_ttl = 0;
  bool aa() const { return (flags & 0x0400) != 0; }
  bool tc() const { return (flags & 0x0200) != 0; }

  std::vector<std::string> texts(const std::vector<Record>& records) const {
    std::vector<std::string> out;
    for (const Record& record : records) out.push_back(record.text);
    std::sort(out.begin(), out.end());
    return out;
  }
};

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  Decoded run() {
    Decoded out;
    out.raw.assign(bytes_.begin(), bytes_.end());
    out.id = u16();
    out.flags = u16();
    out.rcode = out.flags & 15;
    const unsigned questions = u16(), answers = u16(), authorities = u16(), extras = u16();
    for (unsigned i = 0; i < questions; ++i) {
      out.question = name();
      u16();
      u16();
    }
    for (unsigned i = 0; i < answers && good_; ++i) record(out, out.answers);
    for (unsigned i = 0; i < authorities && good_; ++i) record(out, out.authority);
    for (unsigned i = 0; i < extras && good_; ++i) record(out, out.additional);
    out.ok = good_ && at_ == bytes_.size();
    return out;
  }

 private:
  std::uint8_t u8() {
    if (at_ >= bytes_.size()) {
      good_ = false;
      return 0;
    }
    return bytes_[at_++];
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high * 256 + u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high * 65536 + u16();
  }
  std::string name() {
    std::string text;
    std::size_t back = 0;
    for (int steps = 0; steps < 200; ++steps) {
      const unsigned length = u8();
      if (!good_ || length == 0) break;
      if (length >= 0xC0) {
        const std::size_t to = (length & 0x3f) * 256 + u8();
        good_ = good_ && to < at_ - 2;
        if (back == 0) back = at_;
        at_ = to;
        continue;
      }
      for (unsigned i = 0; i < length; ++i) text += static_cast<char>(u8());
      text += '.';
    }
    if (back != 0) at_ = back;
    if (!text.empty()) text.pop_back();
    return text;
  }
  std::string rdata(std::uint16_t type, std::size_t size) {
    const std::size_t end = at_ + size;
    if (end > bytes_.size()) {
      good_ = false;
      return "";
    }
    std::string text;
    if (type == kTypeA) {
      text = "A " + Ip::v4(u32()).text();
    } else if (type == kTypeAaaa) {
      text = "AAAA " + Ip::v6(std::span<const std::uint8_t, 16>(&bytes_[at_], 16)).text();
      at_ += 16;
    } else if (type == kTypeSrv) {
      const unsigned priority = u16(), weight = u16(), port = u16();
      text = fmt::format("SRV {} {} {} {}", priority, weight, port, name());
    } else if (type == kTypeTxt) {
      const unsigned length = u8();
      text = "TXT ";
      for (unsigned i = 0; i < length; ++i) text += static_cast<char>(u8());
    } else if (type == kTypeSoa) {
      const std::string server = name(), mailbox = name();
      text = fmt::format("SOA {} {}", server, mailbox);
      for (int i = 0; i < 5; ++i) text += fmt::format(" {}", u32());
    } else {
      const char* kind = type == kTypeCname ? "CNAME"
                         : type == kTypePtr ? "PTR"
                         : type == kTypeNs  ? "NS"
                                            : "?";
      text = fmt::format("{} {}", kind, name());
    }
    good_ = good_ && at_ == end;
    return text;
  }
  void record(Decoded& out, std::vector<Record>& into) {
    Record r;
    r.owner = name();
    r.type = u16();
    r.cls = u16();
    r.ttl = u32();
    const std::size_t size = u16();
    if (r.type == kTypeOpt) {
      out.has_opt = true;
      out.opt_size = r.cls;
      out.opt_ttl = r.ttl;
      out.rcode |= static_cast<int>(r.ttl >> 24) << 4;
      good_ = good_ && size == 0 && r.owner.empty();
      return;
    }
    r.text = rdata(r.type, size);
    into.push_back(std::move(r));
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

inline Decoded decode(std::span<const std::uint8_t> bytes) { return Decoder(bytes).run(); }

inline Bytes ask_raw(const Zone& zone, const Bytes& request, const ClientInfo& client = {}) {
  Bytes reply(client.transport == Transport::kTcp ? kTcpMax : kUdpEdnsMax);
  reply.resize(answer(zone, request, client, reply));
  return reply;
}
inline Decoded ask(const Zone& zone, const Query& query, const ClientInfo& client = {}) {
  return decode(ask_raw(zone, wire(query), client));
}

}  // namespace minik::dns::test
