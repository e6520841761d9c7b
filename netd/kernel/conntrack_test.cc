#include "netd/kernel/conntrack.h"

#include <gtest/gtest.h>

namespace minik::netd {
namespace {

Ip ip(const char* text) { return *Ip::parse(text); }

TEST(StaleFlows, LeadToSomebodyWhoDoesNotServe) {
  const Flow to_one{ip("10.0.0.9"), ip("10.96.0.5"), 5555, 53, ip("10.244.0.1"), 8053};
  const Flow to_two{ip("10.0.0.9"), ip("10.96.0.5"), 5556, 53, ip("10.244.0.2"), 8053};
  const Flow untranslated{ip("10.0.0.9"), ip("10.96.0.5"), 5557, 53, ip("10.96.0.5"), 53};
  const Flow elsewhere{ip("10.0.0.9"), ip("10.96.0.6"), 5558, 53, ip("10.244.0.3"), 53};
  const std::vector<Flow> flows{to_one, to_two, untranslated, elsewhere};
  const auto stale = stale_flows(flows, {{ip("10.96.0.5"), 53, {{ip("10.244.0.2"), 8053}}}});
  ASSERT_EQ(stale.size(), 2U);
  EXPECT_EQ(stale[0].source_port, 5555);
  EXPECT_EQ(stale[1].source_port, 5557);
  EXPECT_TRUE(stale_flows(flows, {{ip("10.96.0.5"), 53, {}}}).empty());  // Nobody serves: row 59.
}

}  // namespace
}  // namespace minik::netd
