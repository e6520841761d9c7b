#include "dns/answer.h"

#include <algorithm>
#include <array>

#include "dns/message.h"
#include "dns/reply.h"

namespace minik::dns {
namespace {

constexpr std::size_t kLinksMax = 8;  // CNAMEs that we follow for one question.

// The name that is looked up: the question's, or the target of a CNAME already written.
struct Sought {
  std::string_view name;
  std::size_t at;  // Its offset in the reply.
};

std::size_t refuse(Reply& reply) { return reply.finish(Rcode::kRefused, false); }

std::size_t negative(const Zone& zone, Reply& reply, const Sought& sought, Rcode rcode) {
  if (const std::string* apex = zone.area_of(sought.name)) {
    reply.add_soa_authority(zone, *apex, sought.at, sought.name.size());
  }
  return reply.finish(rcode, true);
}

// A name that we know nothing about and are not responsible for.  Behind a CNAME of ours the client shall try
// again rather than believe that there is no such name.
std::size_t outside(Reply& reply, const Sought& sought) {
  return sought.at == kHeaderBytes ? refuse(reply) : reply.finish(Rcode::kServFail, true);
}

std::size_t any(const Zone& zone, Reply& reply, const Node& node, const Sought& sought) {
  if (!node.sets().empty()) {
    reply.add_set(node, node.sets().front(), sought.at);
    return reply.finish(Rcode::kNoError, true);
  }
  return negative(zone, reply, sought, Rcode::kNoError);
}

std::size_t from_node(const Zone& zone, const Request& request, Reply& reply, const Node& node,
                      const Sought& sought) {
  if (request.type == kTypeAny) return any(zone, reply, node, sought);
  if (request.type == kTypeSoa && node.is_apex()) {
    reply.add_soa_answer(zone, sought.name, sought.at, sought.name.size());
    return reply.finish(Rcode::kNoError, true);
  }
  if (const RecordSet* set = node.find(request.type)) {
    reply.add_set(node, *set, sought.at);
    return reply.finish(Rcode::kNoError, true);
  }
  // Addresses outside our ranges have a PTR if an endpoint has them, but the rest of the name is not ours.
  if (zone.area_of(sought.name) == nullptr) return outside(reply, sought);
  return negative(zone, reply, sought, Rcode::kNoError);
}

std::size_t resolve(const Zone& zone, const Request& request, Reply& reply) {
  std::array<const Node*, kLinksMax> walked{};
  Sought sought{request.name(), kHeaderBytes};
  for (std::size_t link = 0; link < kLinksMax; ++link) {
    const Node* node = zone.find(sought.name);
    if (node == nullptr) {
      if (zone.area_of(sought.name) == nullptr) return outside(reply, sought);
      return negative(zone, reply, sought, Rcode::kNxDomain);
    }
    const RecordSet* alias = node->find(kTypeCname);
    if (alias == nullptr || request.type == kTypeCname || request.type == kTypeAny) {
      return from_node(zone, request, reply, *node, sought);
    }
    if (std::find(walked.begin(), walked.end(), node) != walked.end()) break;
    walked[link] = node;
    const std::size_t target_at = reply.add_link(*node, *alias, sought.at);
    if (target_at == 0 || !request.recursion_desired()) return reply.finish(Rcode::kNoError, true);
    const auto rdata = node->body(*alias).subspan(kRecordHeadBytes);
    sought = {{reinterpret_cast<const char*>(rdata.data()), rdata.size()}, target_at};
  }
  return reply.finish(Rcode::kServFail, true);
}

std::size_t answer_query(const Zone& zone, const Request& request, Reply& reply) {
  if (request.edns_version != 0) return reply.finish(Rcode::kBadVers, false);
  if (request.type == kTypeOpt) return reply.finish(Rcode::kFormErr, false);
  if (request.cls != kClassIn || request.type == kTypeAxfr || request.type == kTypeIxfr) return refuse(reply);
  return resolve(zone, request, reply);
}

}  // namespace

std::size_t answer(const Zone& zone, std::span<const std::uint8_t> wire, const ClientInfo& client,
                   std::span<std::uint8_t> space) {
  MINIK_ASSERT(space.size() >= (client.transport == Transport::kUdp ? kUdpEdnsMax : kTcpMax));
  Request request;
  switch (parse(wire, request)) {
    case Parsed::kDrop:
      return 0;
    case Parsed::kNotQuery:
      return header_only(wire, Rcode::kNotImp, space);
    case Parsed::kBadQuestion:
      return header_only(wire, Rcode::kFormErr, space);
    case Parsed::kBadRest: {
      request.edns = false;
      if (client.cut) return header_only(wire, Rcode::kFormErr, space);
      return Reply(request, wire, client, space).finish(Rcode::kFormErr, false);
    }
    case Parsed::kQuery:
      break;
  }
  if (client.cut) return header_only(wire, Rcode::kFormErr, space);
  Reply reply(request, wire, client, space);
  return answer_query(zone, request, reply);
}

}  // namespace minik::dns
