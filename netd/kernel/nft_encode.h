// Changes → nfnetlink messages.  The second reader of Stmt.
//
// Registers are 32 bits wide; a key starts at the first one.  In inet tables the protocol checks that nft(8)
// would add before a header field are added here, so that its listing reads as rule_text writes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "netd/kernel/nft_socket.h"
#include "netd/plan/plan.h"

namespace minik::netd {

// A transaction being written.  Remembers what each message was, to explain a refusal.
class NftBatch {
 public:
  explicit NftBatch(NftSocket& socket);

  void add(const RuleChange& change);
  // Removes the table if it is there.
  void clear_table(const TableName& table);
  // Closes the batch and sends it.  Errors: kKernel naming the rule, element or object that was refused.
  Result<> commit();
  bool empty() const { return messages_.size() <= 1; }
  std::size_t size() const { return bytes_.size(); }  // Bytes

 private:
  struct Message {
    std::uint32_t sequence;
    std::size_t start;  // In bytes_.
    std::string what;
    const std::vector<ElementPtr>* elements = nullptr;  // Of an element message, from `first`.
    std::size_t first = 0;
    const Set* set = nullptr;
  };
  // One message; `build` fills in the payload at the header it is given.
  template <class Build>
  void message(std::uint16_t type, TableFamily family, std::uint16_t flags, std::string what, Build&& build);
  void table(const TableName& table, std::uint16_t type, std::uint16_t flags, const char* verb);
  void chain(const TableName& table, const std::string& name, const std::optional<Hook>& hook, bool remove);
  void write(const AddTable& c);
  void write(const DeleteTable& c);
  void write(const AddChain& c);
  void write(const DeleteChain& c);
  void write(const AddSet& c);
  void write(const DeleteSet& c);
  void write(const FlushChain& c);
  void write(const AddRules& c);
  void write(const AddElements& c);
  void write(const DeleteElements& c);
  void elements(const SetName& set, const Set& type, const std::vector<ElementPtr>& list, bool remove);
  std::string explain(const NftFailure& failure) const;

  NftSocket& socket_;
  std::string bytes_;
  std::vector<char> scratch_;
  std::vector<Message> messages_;
};

}  // namespace minik::netd
