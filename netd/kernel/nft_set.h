// Set declarations and their elements as libnftnl objects, and back.
#pragma once

#include <libnftnl/set.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netd/plan/ruleset.h"

namespace minik::netd {

using NftSet = std::unique_ptr<nftnl_set, void (*)(const nftnl_set*)>;

// Keys and data carry nft(8)'s own type numbers, and keys with a slot its `typeof` user data, so that its
// listing prints every field readably and loads again.
NftSet encode_set(const SetName& name, const Set& set);
// An empty set object that elements are added to.
NftSet empty_set(const SetName& name);
// A key of one field has that field's size, not the padded one.
void add_element(nftnl_set& set, const Set& type, const Element& element);
// Bytes that the element takes in a message, at most.
std::size_t message_size(const Element& element);
// Of a dump.  Nothing if the element is of no kind that we write.
std::optional<std::pair<Bytes, Data>> decode_element(const nftnl_set_elem& element);

}  // namespace minik::netd
