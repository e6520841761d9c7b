#include "netd/plan/ruleset.h"

#include <algorithm>

namespace minik::netd {

Match match(Field field, const Cidr& range, bool negate) {
  const int whole = range.family() == Family::kV4 ? 32 : 128;
  return {field, Bytes(range.base().bytes()), range.prefix() == whole ? -1 : range.prefix(), negate};
}

Match match(Field field, const Ip& address, bool negate) {
  return {field, Bytes(address.bytes()), -1, negate};
}

Match match_proto(std::uint8_t proto) { return {Field::kL4Proto, Bytes({&proto, 1})}; }

Match match_iif(const std::string& name) {
  std::array<std::uint8_t, 16> padded{};
  std::copy_n(name.begin(), std::min<std::size_t>(name.size(), 15), padded.begin());
  return {Field::kIifname, Bytes(padded)};
}

Match match_icmp6(std::uint8_t type) { return {Field::kIcmp6Type, Bytes({&type, 1})}; }

Match match_ct_state(std::uint32_t bits) { return {Field::kCtState, Bytes().add_host32(bits)}; }

Match match_ct_status(std::uint32_t bits, bool negate) {
  return {Field::kCtStatus, Bytes().add_host32(bits), -1, negate};
}

Match match_fib_saddr_local() { return {Field::kFibSaddrType, Bytes().add_host32(kRouteLocal)}; }

void Piece::add(const SetName& set, Element element) {
  if (element.cause.size() > kCommentMax) element.cause.resize(kCommentMax);
  elements_[set].push_back(std::move(element));
}

void Piece::finish() {
  for (auto& [set, elements] : elements_) {
    std::sort(elements.begin(), elements.end(),
              [](const Element& a, const Element& b) { return a.key < b.key; });
  }
}

}  // namespace minik::netd
