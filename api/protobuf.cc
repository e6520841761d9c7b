#include "api/protobuf.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::api {

// api/schema/protobuf/messages.txt, compiled in.
extern const char* const kProtobufMessages;

namespace {

constexpr std::string_view kMark("k8s\0", 4);
constexpr int kDepthMax = 64;

struct FieldShape {
  std::string name, type;
  bool pointer = false, list = false, map = false, inlined = false;
};
using MessageShape = std::map<std::uint32_t, FieldShape>;

FieldShape parse_shape(std::string name, std::string_view type) {
  FieldShape shape;
  shape.name = std::move(name);
  const auto take = [&](std::string_view mark) {
    if (!type.starts_with(mark)) return false;
    type.remove_prefix(mark.size());
    return true;
  };
  shape.inlined = take("!");
  shape.pointer = take("*");
  shape.list = take("[]");
  shape.map = take("{}");
  if (!shape.pointer) shape.pointer = take("*");
  shape.type = std::string(type);
  return shape;
}

const std::map<std::string, MessageShape, std::less<>>& messages() {
  static const auto kMessages = [] {
    std::map<std::string, MessageShape, std::less<>> all;
    for (const auto& line : split(kProtobufMessages, '\n')) {
      const auto colon = line.find(": ");
      if (colon == std::string::npos) continue;
      MessageShape& message = all[line.substr(0, colon)];
      for (const auto& field : split(std::string_view(line).substr(colon + 2), ',')) {
        const auto words = split_words(field);
        if (words.size() != 3) continue;
        message[static_cast<std::uint32_t>(parse_int(words[0]).value_or(0))] =
            parse_shape(std::string(words[1]), words[2]);
      }
    }
    return all;
  }();
  return kMessages;
}

Error malformed(std::string_view why) {
  return Error(Code::kInvalid, fmt::format("the body is no valid protobuf message: {}", why));
}

// One field on the wire.
struct WireField {
  std::uint32_t number = 0, type = 0;
  std::uint64_t value = 0;  // Types 0, 1 and 5.
  std::string_view bytes;   // Type 2.
};

class Wire {
 public:
  explicit Wire(std::string_view bytes) : left_(bytes) {}
  bool done() const { return left_.empty(); }

  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) return malformed("it ends within a number");
      const auto byte = static_cast<std::uint8_t>(left_.front());
      left_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return malformed("a number is too long");
  }

  Result<WireField> next() {
    const std::uint64_t tag = TRY(varint());
    WireField field;
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.type = static_cast<std::uint32_t>(tag & 7);
    if (field.number == 0 || tag >> 32 != 0) return malformed("a field number is out of range");
    if (field.type == 0) {
      field.value = TRY(varint());
    } else if (field.type == 1 || field.type == 5) {
      const std::size_t size = field.type == 1 ? 8 : 4;
      if (left_.size() < size) return malformed("it ends within a number");
      std::memcpy(&field.value, left_.data(), size);
      left_.remove_prefix(size);
    } else if (field.type == 2) {
      const std::uint64_t size = TRY(varint());
      if (size > left_.size()) return malformed("a field is longer than the message");
      field.bytes = left_.substr(0, size);
      left_.remove_prefix(size);
    } else {
      return malformed(fmt::format("wire type {} is not known", field.type));
    }
    return field;
  }

 private:
  std::string_view left_;
};

Result<> decode_message(const MessageShape& shape, std::string_view bytes, int depth, Json& into);

// The numbers and strings of a small message that JSON writes as one value.
struct Small {
  std::int64_t numbers[4] = {};
  std::string_view texts[4];
  bool any = false;
};

Result<Small> read_small(std::string_view bytes) {
  Small small;
  for (Wire wire(bytes); !wire.done();) {
    const WireField field = TRY(wire.next());
    if (field.number >= 4) continue;
    small.any = true;
    small.numbers[field.number] = static_cast<std::int64_t>(field.value);
    small.texts[field.number] = field.bytes;
  }
  return small;
}

Result<Json> string_of(std::string_view bytes) {
  if (!is_utf8(bytes)) return malformed("a string is no UTF-8");
  return Json(std::string(bytes));
}

// Values that are a message on the wire and a scalar in JSON.  Null: not set.
Result<std::optional<Json>> decode_special(const FieldShape& shape, std::string_view bytes) {
  const Small small = TRY(read_small(bytes));
  if (shape.type == "Time" || shape.type == "MicroTime") {
    if (!small.any) return std::optional<Json>(Json());
    const WallTime seconds{std::chrono::seconds(small.numbers[1])};
    std::string text = rfc3339(seconds);
    if (shape.type == "MicroTime")
      text = text.substr(0, 19) + fmt::format(".{:06}Z", small.numbers[2] / 1000);
    return std::optional<Json>(text);
  }
  if (shape.type == "Quantity") return std::optional<Json>(TRY(string_of(small.texts[1])));
  if (shape.type == "IntOrString") {
    if (small.numbers[1] == 1) return std::optional<Json>(TRY(string_of(small.texts[3])));
    return std::optional<Json>(small.numbers[2]);
  }
  if (shape.type == "Duration")
    return std::optional<Json>(fmt::format("{}s", small.numbers[1] / 1'000'000'000));
  if (shape.type == "Raw") {
    if (small.texts[1].empty()) return std::optional<Json>(Json());
    return std::optional<Json>(TRY(parse_json(small.texts[1])));
  }
  if (shape.type != "Strings") return std::optional<Json>();
  Json list = Json::array();
  for (Wire wire(bytes); !wire.done();) {
    const WireField field = TRY(wire.next());
    if (field.number == 1 && field.type == 2) list.push_back(TRY(string_of(field.bytes)));
  }
  return std::optional<Json>(std::move(list));
}

// One value; null: not set.
Result<Json> decode_value(const FieldShape& shape, const WireField& field, bool keep_zero, int depth) {
  const std::string& type = shape.type;
  const bool number = type == "int32" || type == "int64" || type == "bool";
  if (field.type != (number ? 0u : type == "double" ? 1u : 2u))
    return malformed(fmt::format("field {} has the wrong wire type", shape.name));
  if (number) {
    if (field.value == 0 && !keep_zero) return Json();
    if (type == "bool") return Json(field.value != 0);
    return Json(type == "int32" ? static_cast<std::int64_t>(static_cast<std::int32_t>(field.value))
                                : static_cast<std::int64_t>(field.value));
  }
  if (type == "double") {
    double value = 0;
    std::memcpy(&value, &field.value, sizeof value);
    return value == 0 && !keep_zero ? Json() : Json(value);
  }
  if (type == "string") {
    if (field.bytes.empty() && !keep_zero) return Json();
    return string_of(field.bytes);
  }
  if (type == "bytes") return Json(base64(std::string(field.bytes)));
  if (auto special = TRY(decode_special(shape, field.bytes))) return *std::move(special);
  const auto message = messages().find(type);
  if (message == messages().end()) return malformed("no message named " + type);
  Json out = Json::object();
  TRY(decode_message(message->second, field.bytes, depth + 1, out));
  return out;
}

Result<> decode_entry(const FieldShape& shape, const WireField& field, int depth, Json& map) {
  if (field.type != 2) return malformed(fmt::format("field {} has the wrong wire type", shape.name));
  std::string key;
  WireField value;
  value.type = 2;
  if (shape.type == "int32" || shape.type == "int64" || shape.type == "bool") value.type = 0;
  for (Wire wire(field.bytes); !wire.done();) {
    const WireField part = TRY(wire.next());
    if (part.number == 1) key = TRY(string_of(part.bytes)).get<std::string>();
    if (part.number == 2) value = part;
  }
  if (!map.is_object()) map = Json::object();
  map[key] = TRY(decode_value(shape, value, true, depth));
  return {};
}

Result<> decode_list_item(const FieldShape& shape, const WireField& field, int depth, Json& list) {
  if (!list.is_array()) list = Json::array();
  const bool packed =
      field.type == 2 && (shape.type == "int32" || shape.type == "int64" || shape.type == "bool");
  if (!packed) {
    list.push_back(TRY(decode_value(shape, field, true, depth)));
    return {};
  }
  for (Wire wire(field.bytes); !wire.done();) {
    WireField one;
    one.value = TRY(wire.varint());
    list.push_back(TRY(decode_value(shape, one, true, depth)));
  }
  return {};
}

Result<> decode_message(const MessageShape& shape, std::string_view bytes, int depth, Json& into) {
  if (depth > kDepthMax) return malformed("it is nested too deep");
  for (Wire wire(bytes); !wire.done();) {
    const WireField field = TRY(wire.next());
    const auto it = shape.find(field.number);
    if (it == shape.end()) continue;
    const FieldShape& known = it->second;
    if (known.inlined) {
      const auto inner = messages().find(known.type);
      if (inner == messages().end() || field.type != 2) return malformed("field " + known.name);
      TRY(decode_message(inner->second, field.bytes, depth + 1, into));
    } else if (known.map) {
      TRY(decode_entry(known, field, depth, into[known.name]));
    } else if (known.list) {
      TRY(decode_list_item(known, field, depth, into[known.name]));
    } else if (Json value = TRY(decode_value(known, field, known.pointer, depth)); !value.is_null()) {
      into[known.name] = std::move(value);
    }
  }
  return {};
}

// core.v1.Pod of v1 and Pod.
std::string message_name(const std::string& api_version, const std::string& kind) {
  if (kind == "DeleteOptions") return "meta.v1.DeleteOptions";
  const auto slash = api_version.find('/');
  if (slash == std::string::npos) return "core." + api_version + "." + kind;
  const std::string group = api_version.substr(0, slash);
  return group.substr(0, group.find('.')) + "." + api_version.substr(slash + 1) + "." + kind;
}

}  // namespace

bool is_protobuf(std::string_view body) { return body.starts_with(kMark); }

Result<Json> decode_protobuf(std::string_view body) {
  if (!is_protobuf(body)) return malformed("it does not begin with the mark of Kubernetes");
  std::string_view type_meta, raw;
  std::string encoding, content_type;
  for (Wire wire(body.substr(kMark.size())); !wire.done();) {
    const WireField field = TRY(wire.next());
    if (field.number == 1) type_meta = field.bytes;
    if (field.number == 2) raw = field.bytes;
    if (field.number == 3) encoding = field.bytes;
    if (field.number == 4) content_type = field.bytes;
  }
  if (!encoding.empty())
    return Error(Code::kUnsupported, "the content encoding of the body is not supported");
  if (content_type.ends_with("json")) return parse_json(raw);
  const Small meta = TRY(read_small(type_meta));
  const std::string api_version(meta.texts[1]), kind(meta.texts[2]);
  const auto shape = messages().find(message_name(api_version, kind));
  if (shape == messages().end())
    return Error(Code::kUnsupported,
                 fmt::format("no protobuf message is known for {}, Kind={}", api_version, kind));
  Json object = Json::object();
  TRY(decode_message(shape->second, raw, 0, object));
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  return object;
}

}  // namespace minik::api
