#include "dns/name.h"

#include <fmt/format.h>

#include "base/text.h"

namespace minik::dns {

std::optional<std::string> wire_name(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::string wire;
  while (!text.empty()) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || label.size() > kLabelMax) return std::nullopt;
    wire += static_cast<char>(label.size());
    wire += lower(label);
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
    if (text.empty()) return std::nullopt;
  }
  wire += '\0';
  if (wire.size() > kNameMax) return std::nullopt;
  return wire;
}

std::optional<std::string> child_name(std::string_view label, std::string_view parent) {
  if (label.empty() || label.size() > kLabelMax || label.size() + 1 + parent.size() > kNameMax)
    return std::nullopt;
  std::string wire;
  wire.reserve(label.size() + 1 + parent.size());
  wire += static_cast<char>(label.size());
  for (const char c : label) wire += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  wire += parent;
  return wire;
}

std::string_view parent_name(std::string_view wire) {
  const auto first = static_cast<unsigned char>(wire.front());
  return first == 0 ? wire : wire.substr(std::size_t{first} + 1);
}

std::string name_text(std::string_view wire) {
  std::string text;
  while (!wire.empty() && wire.front() != 0) {
    const auto length = static_cast<unsigned char>(wire.front());
    for (const char c : wire.substr(1, length)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '.' || c == '\\' || byte <= 0x20 || byte >= 0x7f) {
        text += fmt::format("\\{:03}", byte);
      } else {
        text += c;
      }
    }
    text += '.';
    wire = parent_name(wire);
  }
  if (text.empty()) return ".";
  text.pop_back();
  return text;
}

bool is_label_boundary(std::string_view wire, std::size_t at) {
  std::size_t label = 0;
  while (label < at) label += std::size_t{static_cast<unsigned char>(wire[label])} + 1;
  return label == at;
}

bool is_within(std::string_view wire, std::string_view ancestor) {
  return wire.ends_with(ancestor) && is_label_boundary(wire, wire.size() - ancestor.size());
}

std::string reverse_name(const Ip& ip) {
  const auto bytes = ip.bytes();
  std::string wire;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    if (ip.is_v4()) {
      const std::string label = std::to_string(bytes[i]);
      wire += static_cast<char>(label.size());
      wire += label;
    } else {
      static constexpr char kHex[] = "0123456789abcdef";
      wire += {'\1', kHex[bytes[i] & 0xf], '\1', kHex[bytes[i] >> 4]};
    }
  }
  using std::string_view_literals::operator""sv;
  wire += ip.is_v4() ? "\7in-addr\4arpa\0"sv : "\3ip6\4arpa\0"sv;
  return wire;
}

std::string dashed(const Ip& ip) {
  std::string text = ip.text();
  for (char& c : text) {
    if (c == '.' || c == ':') c = '-';
  }
  return text;
}

}  // namespace minik::dns
