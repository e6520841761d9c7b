// Status: how an Error looks to a client, as metav1.Status.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace minik::apiserver {

// What the request was about; fills Status.details.
struct About {
  std::string name, group, kind, resource, uid;
};

int http_status(const Error& error);
Json status_json(const Error& error, const About& about);
Json success_json(const About& about);

}  // namespace minik::apiserver
