// Kinds without a page of their own: all fields, as kubectl shows kinds it does not know.
#include <cctype>
#include <set>

#include "base/text.h"
#include "kubectl-lite/describe.h"
#include "kubectl-lite/describe_text.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }

// "clusterIPs" → "Cluster I Ps", "podIP" → "Pod IP", "uid" → "UID".
std::string title_of(const std::string& field) {
  static const std::set<std::string> kAcronyms = {"API", "URL", "UID", "OSB", "GUID"};
  std::vector<std::string> words;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool starts_word =
        i == 0 || (is_upper(field[i]) &&
                   (!is_upper(field[i - 1]) || (i + 1 < field.size() && !is_upper(field[i + 1]))));
    if (starts_word) words.emplace_back();
    words.back() += field[i];
  }
  for (std::string& word : words) {
    if (kAcronyms.contains(upper(word)))
      word = upper(word);
    else
      word[0] = upper(word.substr(0, 1))[0];
  }
  return join(words, " ");
}

void fields(DescribeText& text, int level, const Json& object, const std::string& path) {
  static const std::set<std::string> kShownElsewhere = {".metadata.managedFields", ".metadata.name",
                                                        ".metadata.namespace", ".metadata.labels",
                                                        ".metadata.annotations"};
  for (const auto& [name, value] : object.items()) {
    const std::string here = path + "." + name;
    if (kShownElsewhere.contains(here)) continue;
    if (value.is_object()) {
      text.line(level, "{}:", title_of(name));
      fields(text, level + 1, value, here);
    } else if (value.is_array()) {
      text.line(level, "{}:", title_of(name));
      for (const Json& item : value) {
        if (item.is_object())
          fields(text, level + 1, item, here);
        else
          text.line(level + 1, std::string_view(go_value(item)));
      }
    } else {
      text.line(level, "{}:\t{}", title_of(name), go_value(value));
    }
  }
}

}  // namespace

std::string describe_generic(const Json& object, const Json* events, WallTime now) {
  DescribeText text(now);
  const Json& meta = object_at(object, "metadata");
  text.line(0, "Name:\t{}", string_at(meta, "name"));
  text.line(0, "Namespace:\t{}", string_at(meta, "namespace"));
  text.labels("Labels", object_at(meta, "labels"));
  text.annotations("Annotations", object_at(meta, "annotations"));
  fields(text, 0, object, "");
  if (events != nullptr) text.events(*events);
  return text.take();
}

}  // namespace minik::kubectl
