// Pods for the room's unit tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "api/pod.h"
#include "base/yaml.h"

namespace minik::runtime {

// In namespace default, uid "uid-<name>", address 10.244.0.5.  `spec` in YAML.
inline api::ObjectPtr test_pod(const std::string& name, const std::string& spec, const Json& status = {}) {
  auto documents = parse_yaml(spec);
  EXPECT_TRUE(documents.ok() && documents->size() == 1) << spec;
  Json body{{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", name}, {"namespace", "default"}, {"uid", "uid-" + name}}},
            {"spec", documents->front()},
            {"status", status.is_null() ? Json{{"podIP", "10.244.0.5"}} : status}};
  return std::make_shared<api::Object>("pods", 1, std::move(body));
}

inline api::ObjectPtr test_deleted(const api::ObjectPtr& pod, int grace) {
  Json body = pod->body();
  body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  body["metadata"]["deletionGracePeriodSeconds"] = grace;
  return std::make_shared<api::Object>("pods", 2, std::move(body));
}

}  // namespace minik::runtime
