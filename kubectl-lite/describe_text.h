// DescribeText: the page that `describe` builds line by line, and the pieces that several kinds share.
//
// Pure: values in, text out.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "kubectl-lite/tabwriter.h"

namespace minik::kubectl {

class DescribeText {
 public:
  explicit DescribeText(WallTime now) : now_(now) {}

  // One line at a level (two blanks each); tabs part the cells.
  void line(int level, std::string_view text);
  template <class... Args>
  void line(int level, fmt::format_string<Args...> format, Args&&... args) {
    line(level, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
  }
  // "Labels:  a=b" with one line per label; <none> when there is none.
  void labels(const std::string& title, const Json& labels);
  // The same for annotations; kubectl's own is left out, long ones get lines of their own.
  void annotations(const std::string& title, const Json& annotations);
  void tolerations(const std::string& title, const Json& list);
  // The table at the end; `list` is an EventList.
  void events(const Json& list);

  std::string age(const std::string& timestamp) const;
  std::string take() { return writer_.flush(); }

 private:
  WallTime now_;
  TabWriter writer_ = TabWriter::for_blocks();
};

// "Tue, 24 Nov 2026 06:34:58 +0000" of an RFC 3339 timestamp.
std::string long_time(const std::string& timestamp);
// "ReplicaSet/web-7f" of the controlling owner; empty when there is none.
std::string controller_of(const Json& object);
std::string or_none(std::string text);
// An IntOrString.
std::string number_or_text(const Json& object, std::string_view member);

// describe_pod.cc: containers, volumes; `indent` is "  " inside a pod template.
void describe_containers(DescribeText& text, const std::string& title, const Json& containers,
                         const Json* statuses, const Json* pod, std::string_view indent);
void describe_volumes(DescribeText& text, const Json& volumes, std::string_view indent);
void describe_pod_template(DescribeText& text, const Json& pod_template);

}  // namespace minik::kubectl
