// Every bound of the project, in one place, with its unit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace minik {

inline constexpr int kJsonDepthMax = 100;                        // Nested arrays and objects.
inline constexpr std::size_t kRequestBodyMax = 3 * 1024 * 1024;  // Bytes of one API request.
inline constexpr std::size_t kWatchHistoryEvents = 20'000;       // Events kept per resource.
inline constexpr std::size_t kConnectionsMax = 1'024;            // API connections at once.
inline constexpr std::size_t kEndpointsPerSlice = 100;           // As the EndpointSlice controller.
inline constexpr std::size_t kPodsPerNodeMax = 1'000;            // A bridge takes 1023 ports.
inline constexpr int kTicksToQuiet = 8;                          // Controller rounds in one tick.
inline constexpr std::chrono::milliseconds kFullCheckInterval{60'000};
inline constexpr std::size_t kNetlinkBatchBytes = 8 * 1024 * 1024;  // Send buffer we ask for.
inline constexpr std::size_t kSetElementsPerMessage = 400;          // One attribute holds < 64 KiB.
inline constexpr std::size_t kLogLineMax = 16 * 1024;               // CRI log: longer lines are split.

}  // namespace minik
