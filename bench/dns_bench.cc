// The DNS room by itself: answers, and the cost of one change in a big zone (dns.md sections 7 and 10.7, rows
// 183, 184, 188).  Compare figures within one run only.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>

#include "dns/test_support.h"

namespace {

using namespace minik::dns;  // NOLINT: a program of its own.

constexpr int kServices = 10'000, kEndpoints = 5;

std::string service_spec(int i, int port) {
  return fmt::format(R"({{"clusterIPs":["10.97.{}.{}"],"ports":[{{"name":"http","port":{}}}]}})", i / 250,
                     i % 250, port);
}

struct World {
  test::Cluster cluster;
  ZoneBuilder builder = test::builder();
  std::shared_ptr<const Zone> zone;

  World() {
    for (int i = 0; i < kServices; ++i) {
      const std::string ns = fmt::format("ns{}", i % 100), name = fmt::format("svc{}", i);
      cluster.service(ns, name, service_spec(i, 80));
      std::vector<std::string> endpoints;
      for (int e = 0; e < kEndpoints; ++e) {
        const int n = i * kEndpoints + e;
        endpoints.push_back(test::endpoint(fmt::format("10.244.{}.{}", n / 250 % 250, n % 250)));
      }
      cluster.slice(ns, name + "-1", name, test::list(endpoints), R"([{"name":"http","port":8080}])");
    }
    zone = builder.update(cluster.snapshot());
  }
};

World& world() {
  static World made;
  return made;
}

enum Kind { kHit, kMiss, kMix, kMixEdns };

void answer_queries(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(0));
  std::mt19937 random(1);
  std::vector<test::Bytes> requests;
  for (int i = 0; i < 4'096; ++i) {
    const unsigned n = random() % kServices;
    const bool miss = kind == kMiss || (kind != kHit && i % 2 == 0);
    requests.push_back(
        test::wire({.name = fmt::format("svc{}.ns{}.svc.cluster.local", n, miss ? n % 100 + 1 : n % 100),
                    .edns = kind == kMixEdns ? 1232 : -1}));
  }
  const Zone& zone = *world().zone;
  std::array<std::uint8_t, kUdpEdnsMax> reply;
  std::uint32_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer(zone, requests[at % requests.size()], {.rotation = at}, reply));
    ++at;
  }
}
BENCHMARK(answer_queries)->Arg(kHit)->Arg(kMiss)->Arg(kMix)->Arg(kMixEdns);

// From a commit to the next zone.
void change_one_service(benchmark::State& state) {
  World& w = world();
  int i = 0;
  for (auto _ : state) {
    state.PauseTiming();
    w.cluster.service("ns7", "svc7", service_spec(7, 80 + ++i % 2));
    const auto snapshot = w.cluster.snapshot();
    state.ResumeTiming();
    w.zone = w.builder.update(snapshot);
  }
}
BENCHMARK(change_one_service)->Unit(benchmark::kMicrosecond);

void build_from_nothing(benchmark::State& state) {
  const auto snapshot = world().cluster.snapshot();
  std::size_t names = 0;
  for (auto _ : state) {
    auto builder = test::builder();
    names = builder.update(snapshot)->size();
  }
  state.counters["names"] = static_cast<double>(names);
}
BENCHMARK(build_from_nothing)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
