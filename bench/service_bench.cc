// Services at size, in one run on one machine: how long 1 and 10,000 of them take to load, to change and to
// use.
//
//   rules     the number of nftables rules, which must not grow
//   load      every Service with 5 endpoints from nothing: compile, diff, one transaction
//   replace   one endpoint of one Service becomes another: snapshot to committed transaction
//   scale     one endpoint more or less, which changes a verdict
//   connect   TCP connects from a pod, straight to a pod and through a ClusterIP
//
// Needs root; works in namespaces of its own.
#include <chrono>
#include <cstdio>

#include "tests/kernel/net_world.h"

namespace minik::test {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Percentiles {
  double p50 = 0, p99 = 0;
};
Percentiles percentiles(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

// Milliseconds of opening connections one after the other, and closing them.
std::vector<double> connects(const std::string& netns, const Ip& to, int port, int count) {
  std::vector<double> out;
  const auto done = in_netns(netns, [&]() -> Result<> {
    for (int i = 0; i < count; ++i) {
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      Address address = socket_address(to, port);
      const auto start = Clock::now();
      if (::connect(fd.get(), address.get(), address.size) != 0) return Error::from_errno(errno, "connect");
      out.push_back(since(start));
    }
    return {};
  });
  if (!done.ok()) std::printf("%s\n", done.error().message().c_str());
  return out;
}

std::string address_of(int service) {
  return fmt::format("10.{}.{}.{}", 97 + service / 50'000, service / 200 % 250, service % 200 + 1);
}

std::vector<std::string> ends(int service, int count) {
  std::vector<std::string> out{"10.244.0.11"};
  for (int i = 1; i < count; ++i) out.push_back(fmt::format("10.244.0.{}", 20 + (service + i) % 200));
  return out;
}

std::size_t rule_count(const netd::Seen& seen) {
  std::size_t rules = 0;
  for (const auto& [name, table] : seen.tables) {
    for (const auto& [chain, content] : table.chains) rules += content.rules.size();
  }
  return rules;
}

// Times of changing one Service again and again, from its objects to the kernel.
Percentiles change(World& world, const std::vector<int>& counts, int tries) {
  std::vector<double> times;
  for (int i = 0; i < tries; ++i) {
    std::vector<std::string> now = ends(0, counts[static_cast<std::size_t>(i) % counts.size()]);
    now[1] = i % 2 == 0 ? "10.244.0.12" : "10.244.0.13";
    world.put_endpoints("s0", now);
    const auto start = Clock::now();
    world.apply();
    times.push_back(since(start));
  }
  return percentiles(times);
}

double measure(int services) {
  World world;
  world.start();
  world.add_pod("a", "10.244.0.11");
  world.add_pod("c", "10.244.0.12", false);
  world.apply();
  for (int i = 0; i < services; ++i) {
    const std::string name = "s" + std::to_string(i);
    world.put_service({.name = name, .cluster_ip = address_of(i)});
    world.put_endpoints(name, ends(i, 5));
  }
  world.put_service({.name = "one", .cluster_ip = "10.96.200.1"});
  world.put_endpoints("one", {"10.244.0.11"});
  const auto start = Clock::now();
  netd::Plan next = world.wanted();
  const double compiled = since(start);
  netd::Changes changes = netd::diff(world.plan, next);
  const double differed = since(start);
  const auto committed = world.kernel->commit(changes);
  const double loaded = since(start);
  if (!committed.ok()) std::printf("%s\n", committed.error().message().c_str());
  world.plan = std::move(next);
  const Percentiles replaced = change(world, {5}, 400);
  const Percentiles scaled = change(world, {5, 6}, 400);
  const Percentiles direct = percentiles(connects(world.path("c"), ip("10.244.0.11"), 8080, 4000));
  const Percentiles through = percentiles(connects(world.path("c"), ip("10.96.200.1"), 80, 4000));
  std::printf("%6d Services: %zu rules, load %.0f ms (compile %.0f, diff %.0f, kernel %.0f)\n", services,
              rule_count(*world.kernel->observe()), loaded, compiled, differed - compiled, loaded - differed);
  std::printf("   replace p50 %.3f p99 %.3f ms, scale p50 %.3f p99 %.3f ms\n", replaced.p50, replaced.p99,
              scaled.p50, scaled.p99);
  std::printf("   connect p50 %.1f us direct, %.1f us by ClusterIP: ratio %.2f\n", direct.p50 * 1000,
              through.p50 * 1000, through.p50 / direct.p50);
  return through.p50;
}

}  // namespace
}  // namespace minik::test

int main() {
  using namespace minik::test;
  if (!enter_own_host()) {
    std::printf("needs root\n");
    return 1;
  }
  const double one = measure(1);
  measure(1000);
  const double many = measure(10'000);
  std::printf("connect by ClusterIP with 10,000 Services against 1: ratio %.2f\n", many / one);
  return 0;
}
