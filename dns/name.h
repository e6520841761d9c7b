// Names in wire form (RFC 1035 section 3.1): labels with a length byte in front, a zero byte at the end.
//
// The zone keeps every name lower-cased, so comparing names is comparing bytes; bytes >= 0x80 and dots inside
// a label are ordinary (RFC 4343).  Dotted text exists only at the edges: objects, logs, tests.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"

namespace minik::dns {

inline constexpr std::size_t kNameMax = 255;  // Bytes on the wire, with the root.
inline constexpr std::size_t kLabelMax = 63;
inline constexpr std::size_t kLabelsMax = 127;

// "Web.prod.svc." → lower-case wire form.  Nothing if a label is empty or longer than 63, or the whole too
// long.
// "" and "." are the root.
std::optional<std::string> wire_name(std::string_view text);
// `label` in front of `parent` (wire form).  Nothing if the label is empty or too long, or the whole is.
std::optional<std::string> child_name(std::string_view label, std::string_view parent);
// The name without its first label; the root has no parent and answers itself.
std::string_view parent_name(std::string_view wire);
// Presentation form without the final dot ("." for the root); dots and odd bytes inside labels as \DDD.
std::string name_text(std::string_view wire);
// Whether `wire` is `ancestor` or below it, by whole labels.
bool is_within(std::string_view wire, std::string_view ancestor);
// Whether a label of `wire` starts at byte `at` (the final zero byte counts as one).
bool is_label_boundary(std::string_view wire, std::size_t at);

// 20.0.96.10.in-addr.arpa; 32 nibbles below ip6.arpa (RFC 3596).
std::string reverse_name(const Ip& ip);
// The label by which an address is named: 10-244-0-13, fd00-244--15.
std::string dashed(const Ip& ip);

}  // namespace minik::dns
