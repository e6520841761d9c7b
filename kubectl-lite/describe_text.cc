#include "kubectl-lite/describe_text.h"

#include <algorithm>

#include "base/text.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr std::size_t kAnnotationMax = 140;  // Characters of an annotation on one line.

std::string shorten(const std::string& text, std::size_t most) {
  return text.size() > most ? text.substr(0, most) + "..." : text;
}

std::string toleration_text(const Json& toleration) {
  const std::string key = string_at(toleration, "key"), value = string_at(toleration, "value"),
                    effect = string_at(toleration, "effect");
  std::string text = key;
  if (!value.empty()) text += "=" + value;
  if (!effect.empty()) text += ":" + effect;
  if (string_at(toleration, "operator") == "Exists" && value.empty())
    text += text.empty() ? "op=Exists" : " op=Exists";
  if (toleration.contains("tolerationSeconds"))
    text += fmt::format(" for {}s", int_at(toleration, "tolerationSeconds"));
  return text;
}

std::string last_seen(const Json& event) {
  if (const Json* series = find(event, "series")) return string_at(*series, "lastObservedTime");
  for (const char* member : {"lastTimestamp", "firstTimestamp", "eventTime"}) {
    if (const std::string time = string_at(event, member); !time.empty()) return time;
  }
  return "";
}

}  // namespace

void DescribeText::line(int level, std::string_view text) {
  writer_.write(std::string(static_cast<std::size_t>(level) * 2, ' '));
  writer_.write(text);
  writer_.write("\n");
}

void DescribeText::labels(const std::string& title, const Json& labels) {
  if (labels.empty()) return line(0, "{}:\t<none>", title);
  bool first = true;
  for (const auto& [name, value] : labels.items()) {
    line(0, "{}\t{}={}", std::exchange(first, false) ? title + ":" : "", name,
         value.is_string() ? value.get<std::string>() : "");
  }
}

void DescribeText::annotations(const std::string& title, const Json& annotations) {
  std::string start = title + ":";
  for (const auto& [name, value] : annotations.items()) {
    if (name == kLastApplied) continue;
    std::string text = value.is_string() ? value.get<std::string>() : "";
    if (text.ends_with('\n')) text.pop_back();
    const bool one_line =
        text.size() + name.size() + 2 <= kAnnotationMax && text.find('\n') == std::string::npos;
    if (one_line) {
      line(0, "{}\t{}: {}", start, name, text);
    } else {
      line(0, "{}\t{}:", start, name);
      for (const std::string& part : split(text, '\n')) line(0, "\t  {}", shorten(part, kAnnotationMax - 2));
    }
    start.clear();
  }
  if (!start.empty()) line(0, "{}\t<none>", start);
}

void DescribeText::tolerations(const std::string& title, const Json& list) {
  if (list.empty()) return line(0, "{}:\t<none>", title);
  std::vector<Json> sorted(list.begin(), list.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Json& a, const Json& b) { return string_at(a, "key") < string_at(b, "key"); });
  // Inside a pod template the title is indented, and so are the lines that follow it.
  const std::string indent(title.find_first_not_of(' '), ' ');
  bool first = true;
  for (const Json& one : sorted) {
    line(0, "{}\t{}", std::exchange(first, false) ? title + ":" : indent, toleration_text(one));
  }
}

std::string DescribeText::age(const std::string& timestamp) const { return age_of(timestamp, now_); }

void DescribeText::events(const Json& list) {
  const Json& items = array_at(list, "items");
  if (items.empty()) return line(0, "Events:\t<none>");
  std::vector<Json> sorted(items.begin(), items.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Json& a, const Json& b) { return last_seen(a) < last_seen(b); });
  line(0, "Events:");
  line(1, "Type\tReason\tAge\tFrom\tMessage");
  line(1, "----\t------\t----\t----\t-------");
  for (const Json& event : sorted) {
    const std::string event_time = string_at(event, "eventTime");
    const std::string first = age(event_time.empty() ? string_at(event, "firstTimestamp") : event_time);
    std::string interval = first;
    if (const Json* series = find(event, "series"); series != nullptr && series->is_object()) {
      interval = fmt::format("{} (x{} over {})", age(string_at(*series, "lastObservedTime")),
                             int_at(*series, "count"), first);
    } else if (int_at(event, "count") > 1) {
      interval = fmt::format("{} (x{} over {})", age(string_at(event, "lastTimestamp")),
                             int_at(event, "count"), first);
    }
    std::string from = string_at(object_at(event, "source"), "component");
    if (from.empty()) from = string_at(event, "reportingComponent");
    line(1, "{}\t{}\t{}\t{}\t{}", string_at(event, "type"), string_at(event, "reason"), interval, from,
         trim(string_at(event, "message")));
  }
}

std::string long_time(const std::string& timestamp) {
  const auto time = parse_rfc3339(timestamp);
  return time ? rfc1123(*time) : "Mon, 01 Jan 0001 00:00:00 +0000";
}

std::string controller_of(const Json& object) {
  for (const Json& owner : array_at(object_at(object, "metadata"), "ownerReferences")) {
    if (bool_at(owner, "controller")) return string_at(owner, "kind") + "/" + string_at(owner, "name");
  }
  return "";
}

std::string or_none(std::string text) { return text.empty() ? "<none>" : text; }

std::string number_or_text(const Json& object, std::string_view member) {
  const Json* value = find(object, member);
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? value->get<std::string>() : to_text(*value);
}

}  // namespace minik::kubectl
