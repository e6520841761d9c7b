// What controllers report, as happenings for the recorder: done writes and refused ones differ; a write that
// lost a race is no news, because the next tick does it again.
//
// Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "controllers/controller.h"
#include "daemon/event_recorder.h"

namespace minik::daemon {

// `outcomes[i]` is what became of `writes[i]`.
std::vector<Happening> happenings_of(const std::vector<controllers::Report>& reports,
                                     const std::vector<api::Write>& writes,
                                     const std::vector<Result<>>& outcomes);

}  // namespace minik::daemon
