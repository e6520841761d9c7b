#include "api/protobuf.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <map>
#include <vector>

#include "api/protobuf_wire.h"
#include "base/files.h"
#include "base/text.h"

namespace minik::api {

// api/schema/protobuf/messages.txt, compiled in.
extern const char* const kProtobufMessages;

namespace {

constexpr std::string_view kMark("k8s\0", 4);
constexpr int kDepthMax = 100;
// Years 1 to 9999: what RFC 3339 can write.
constexpr std::int64_t kSecondsMin = -62'135'596'800, kSecondsMax = 253'402'300'799;

enum class Form : std::uint8_t { kMessage, kString, kBytes, kInt32, kInt64, kBool, kDouble, kJson };
// What becomes of a message's members: an object, the value of its only member, or one of those below.
enum class Shape : std::uint8_t { kObject, kValue, kTime, kMicroTime, kQuantity, kIntOrString };

struct Message;

struct MessageField {
  std::string name;
  Form form = Form::kMessage;
  const Message* message = nullptr;
  bool keeps_zero = false, list = false, map = false, inlined = false;
  bool is_value() const { return name == "-"; }
};

struct Message {
  Shape shape = Shape::kObject;
  std::map<std::uint32_t, MessageField> fields;
};

struct Messages {
  std::map<std::string, Message, std::less<>> by_name;
  std::map<std::string, const Message*, std::less<>> by_kind;  // "apps/v1 Deployment"
};

MessageField parse_field(const Messages& all, std::string_view name, std::string_view type) {
  static const std::map<std::string_view, Form> kForms = {
      {"string", Form::kString}, {"bytes", Form::kBytes},   {"int32", Form::kInt32}, {"int64", Form::kInt64},
      {"bool", Form::kBool},     {"double", Form::kDouble}, {"json", Form::kJson}};
  MessageField field;
  field.name = std::string(name);
  const auto take = [&](std::string_view mark) {
    if (!type.starts_with(mark)) return false;
    type.remove_prefix(mark.size());
    return true;
  };
  field.inlined = take("!");
  field.keeps_zero = take("*");
  field.list = take("[]");
  field.map = take("{}");
  if (const auto form = kForms.find(type); form != kForms.end())
    field.form = form->second;
  else
    field.message = &all.by_name.at(std::string(type));
  return field;
}

Messages parse_messages(std::string_view text) {
  static const std::map<std::string_view, Shape> kShapes = {{"Time", Shape::kTime},
                                                            {"MicroTime", Shape::kMicroTime},
                                                            {"Quantity", Shape::kQuantity},
                                                            {"IntOrString", Shape::kIntOrString}};
  Messages all;
  std::vector<std::pair<std::string, std::string>> kinds, messages;
  for (const auto& line : split(text, '\n')) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon), rest = line.substr(colon + 2);
    if (name.starts_with("kind ")) {
      kinds.emplace_back(name.substr(5), rest);
      continue;
    }
    messages.emplace_back(name, rest);
    all.by_name[name];
  }
  for (const auto& [name, rest] : messages) {
    Message& message = all.by_name[name];
    if (const auto shape = kShapes.find(name); shape != kShapes.end()) message.shape = shape->second;
    for (const auto& field : split(rest, ',')) {
      const auto words = split_words(field);
      if (words.size() != 3) continue;
      MessageField& made = message.fields[static_cast<std::uint32_t>(parse_int(words.at(0)).value())] =
          parse_field(all, words.at(1), words.at(2));
      if (made.is_value() && message.shape == Shape::kObject) message.shape = Shape::kValue;
    }
  }
  for (const auto& [kind, name] : kinds) all.by_kind[kind] = &all.by_name.at(name);
  return all;
}

const Messages& messages() {
  static const Messages kMessages = parse_messages(kProtobufMessages);
  return kMessages;
}

Result<> decode_members(const Message& message, std::string_view bytes, int depth, Json& into);

Result<Json> time_of(const Json& members, bool micro) {
  if (!members.contains("seconds") && !members.contains("nanos")) return Json();
  const auto seconds = members.value("seconds", std::int64_t{0});
  const auto nanos = members.value("nanos", std::int64_t{0});
  if (seconds < kSecondsMin || seconds > kSecondsMax || nanos < 0 || nanos > 999'999'999)
    return malformed_protobuf("a time is out of range");
  using std::chrono::floor;
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return Json(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", int(date.year()), unsigned(date.month()),
                          unsigned(date.day()), clock.hours().count(), clock.minutes().count(),
                          clock.seconds().count(), micro ? fmt::format(".{:06}", nanos / 1000) : ""));
}

Result<Json> int_or_string_of(const Json& members) {
  const auto type = members.value("type", std::int64_t{0});
  if (type == 0) return Json(members.value("number", std::int64_t{0}));
  if (type == 1) return Json(members.value("text", std::string()));
  return malformed_protobuf("a value is neither a number nor a string");
}

// `now`: what an earlier piece of the same field has set.
Result<Json> decode_submessage(const Message& message, std::string_view bytes, int depth, Json now) {
  const bool one_value = message.shape == Shape::kValue || message.shape == Shape::kQuantity;
  if (one_value)
    now = Json();
  else if (message.shape != Shape::kObject || !now.is_object())
    now = Json::object();
  TRY(decode_members(message, bytes, depth + 1, now));
  switch (message.shape) {
    case Shape::kTime:
    case Shape::kMicroTime:
      return time_of(now, message.shape == Shape::kMicroTime);
    case Shape::kIntOrString:
      return int_or_string_of(now);
    case Shape::kQuantity:
      return now.is_null() ? Json("0") : std::move(now);
    case Shape::kObject:
    case Shape::kValue:
      break;
  }
  return now;
}

WireType wire_type(Form form) {
  switch (form) {
    case Form::kInt32:
    case Form::kInt64:
    case Form::kBool:
      return WireType::kVarint;
    case Form::kDouble:
      return WireType::kFixed64;
    case Form::kMessage:
    case Form::kString:
    case Form::kBytes:
    case Form::kJson:
      break;
  }
  return WireType::kBytes;
}

Error wrong_type(const MessageField& known, const WireField& field) {
  return malformed_protobuf(fmt::format("field {} ({}) has the wrong wire type {}", known.name, field.number,
                                        static_cast<int>(field.type)));
}

Result<std::string> text_of(std::string_view bytes) {
  if (!is_utf8(bytes)) return malformed_protobuf("a string is no UTF-8");
  return std::string(bytes);
}

// One value; null: not set.
Result<Json> decode_one(const MessageField& known, const WireField& field, bool keep_zero, int depth,
                        Json now) {
  if (field.type != wire_type(known.form)) return wrong_type(known, field);
  const bool zero = field.value == 0 && field.bytes.empty();
  if (known.form != Form::kMessage && zero && !keep_zero) return Json();
  switch (known.form) {
    case Form::kBool:
      return Json(field.value != 0);
    case Form::kInt32:
      return Json(static_cast<std::int64_t>(static_cast<std::int32_t>(field.value)));
    case Form::kInt64:
      return Json(static_cast<std::int64_t>(field.value));
    case Form::kDouble: {
      const auto number = std::bit_cast<double>(field.value);
      if (!std::isfinite(number)) return malformed_protobuf("a number is not finite");
      return Json(number);
    }
    case Form::kString:
      return Json(TRY(text_of(field.bytes)));
    case Form::kBytes:
      return Json(base64(std::string(field.bytes)));
    case Form::kJson:
      if (field.bytes.empty()) return Json();
      return parse_json(field.bytes);
    case Form::kMessage:
      break;
  }
  return decode_submessage(*known.message, field.bytes, depth, std::move(now));
}

Result<> decode_entry(const MessageField& known, const WireField& field, int depth, Json& map) {
  if (field.type != WireType::kBytes) return wrong_type(known, field);
  std::string key;
  WireField value;
  value.type = wire_type(known.form);
  for (Wire wire(field.bytes); !wire.done();) {
    const WireField part = TRY(wire.next());
    if (part.number == 1) {
      if (part.type != WireType::kBytes) return wrong_type(known, part);
      key = TRY(text_of(part.bytes));
    }
    if (part.number == 2) value = part;
  }
  if (!map.is_object()) map = Json::object();
  map[key] = TRY(decode_one(known, value, true, depth, Json()));
  return {};
}

Result<> decode_item(const MessageField& known, const WireField& field, int depth, Json& list) {
  if (!list.is_array()) list = Json::array();
  if (wire_type(known.form) != WireType::kVarint || field.type != WireType::kBytes) {
    list.push_back(TRY(decode_one(known, field, true, depth, Json())));
    return {};
  }
  for (Wire packed(field.bytes); !packed.done();) {
    WireField one;
    one.type = WireType::kVarint;
    one.value = TRY(packed.varint());
    list.push_back(TRY(decode_one(known, one, true, depth, Json())));
  }
  return {};
}

Result<> decode_member(const MessageField& known, const WireField& field, int depth, Json& into) {
  if (known.inlined) {
    if (field.type != WireType::kBytes) return wrong_type(known, field);
    return decode_members(*known.message, field.bytes, depth + 1, into);
  }
  Json& slot = known.is_value() ? into : into[known.name];
  if (known.map) return decode_entry(known, field, depth, slot);
  if (known.list) return decode_item(known, field, depth, slot);
  slot = TRY(decode_one(known, field, known.keeps_zero, depth, std::move(slot)));
  if (slot.is_null() && !known.is_value()) into.erase(known.name);
  return {};
}

Result<> decode_members(const Message& message, std::string_view bytes, int depth, Json& into) {
  if (depth > kDepthMax) return malformed_protobuf("it is nested too deep");
  for (Wire wire(bytes); !wire.done();) {
    const WireField field = TRY(wire.next());
    const auto known = message.fields.find(field.number);
    if (known != message.fields.end()) TRY(decode_member(known->second, field, depth, into));
  }
  return {};
}

struct Envelope {
  std::string api_version, kind, encoding, content_type;
  std::string_view raw;
};

Result<Envelope> open_envelope(std::string_view bytes) {
  Envelope envelope;
  std::string_view type_meta;
  for (Wire wire(bytes); !wire.done();) {
    const WireField field = TRY(wire.next());
    if (field.number > 4) continue;
    if (field.type != WireType::kBytes)
      return malformed_protobuf("the envelope has a field of the wrong wire type");
    if (field.number == 1) type_meta = field.bytes;
    if (field.number == 2) envelope.raw = field.bytes;
    if (field.number == 3) envelope.encoding = TRY(text_of(field.bytes));
    if (field.number == 4) envelope.content_type = TRY(text_of(field.bytes));
  }
  for (Wire wire(type_meta); !wire.done();) {
    const WireField field = TRY(wire.next());
    if (field.number > 2) continue;
    if (field.type != WireType::kBytes)
      return malformed_protobuf("apiVersion or kind has the wrong wire type");
    (field.number == 1 ? envelope.api_version : envelope.kind) = TRY(text_of(field.bytes));
  }
  return envelope;
}

// Options travel under the version of what they are for.
const Message* message_of(const Envelope& envelope) {
  const std::string word = envelope.kind == "DeleteOptions" ? "meta.k8s.io/v1 DeleteOptions"
                                                            : envelope.api_version + " " + envelope.kind;
  const auto found = messages().by_kind.find(word);
  return found == messages().by_kind.end() ? nullptr : found->second;
}

}  // namespace

bool is_protobuf(std::string_view body) { return body.starts_with(kMark); }

Result<Json> decode_protobuf(std::string_view body) {
  if (!is_protobuf(body)) return malformed_protobuf("it does not begin with the mark of Kubernetes");
  const Envelope envelope = TRY(open_envelope(body.substr(kMark.size())));
  if (!envelope.encoding.empty())
    return Error(Code::kUnsupported, "the content encoding of the body is not supported");
  if (envelope.content_type.ends_with("json")) return parse_json(envelope.raw);
  const Message* message = message_of(envelope);
  if (message == nullptr) {
    return Error(Code::kUnsupported, fmt::format("no protobuf message is known for {}, Kind={}",
                                                 envelope.api_version, envelope.kind));
  }
  Json object = Json::object();
  TRY(decode_members(*message, envelope.raw, 0, object));
  object["apiVersion"] = envelope.api_version;
  object["kind"] = envelope.kind;
  return object;
}

}  // namespace minik::api
