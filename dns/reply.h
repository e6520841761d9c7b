// Reply: one answer under construction in the sender's buffer.
//
// Whole records only: what does not fit is left out, and on UDP an incomplete answer sets TC.  Room for the
// OPT record is kept free from the start.
//
// Threads: one.  Ownership: writes into memory of the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dns/answer.h"
#include "dns/message.h"
#include "dns/node.h"
#include "dns/zone.h"

namespace minik::dns {

class Reply {
 public:
  // Starts with the header's space and the question as asked, byte for byte.
  Reply(const Request& request, std::span<const std::uint8_t> wire, const ClientInfo& client,
        std::span<std::uint8_t> space);

  // The records of a set, rotated.  `owner`: offset of the name they belong to; for the question's own name
  // the additional records follow as far as there is room.
  void add_set(const Node& node, const RecordSet& set, std::size_t owner);
  // A CNAME's one record.  Returns the offset of its target; 0 if there was no room.
  std::size_t add_link(const Node& node, const RecordSet& set, std::size_t owner);
  // The SOA of the area whose apex is the tail of the name of `name_size` bytes at offset `name`.
  void add_soa_answer(const Zone& zone, std::string_view apex, std::size_t name, std::size_t name_size);
  void add_soa_authority(const Zone& zone, std::string_view apex, std::size_t name, std::size_t name_size);

  // Ends the message and returns its size.
  std::size_t finish(Rcode rcode, bool authoritative);

 private:
  bool add_soa(const Zone& zone, std::string_view apex, std::size_t apex_at, std::uint32_t ttl);
  void add_fixed(std::span<const std::uint8_t> body, const RecordSet& set);
  void add_varied(std::span<const std::uint8_t> body, const RecordSet& set);
  void add_extras(std::span<const std::uint8_t> extras, const RecordSet& set);
  void repoint(std::size_t from, std::size_t owner);

  const Request& request_;
  const ClientInfo& client_;
  Writer out_;
  std::uint16_t answers_ = 0, authorities_ = 0, extras_ = 0;
  bool truncated_ = false;
};

// A reply of nothing but the header, for requests whose question could not be read.
std::size_t header_only(std::span<const std::uint8_t> request, Rcode rcode, std::span<std::uint8_t> space);

}  // namespace minik::dns
