// Hostile bytes and whether they ended the connection.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "http2/rig.h"

namespace tfe::testing {

inline constexpr std::int64_t kNoGoaway = -1;

// The code of the first GOAWAY in the server's output.
inline std::int64_t goaway_code(std::string_view output) {
  constexpr std::size_t kHeader = 9;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(output[at]); };
  while (output.size() >= kHeader) {
    const std::size_t length = std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2);
    if (byte(3) == NGHTTP2_GOAWAY) return byte(kHeader + 7);
    output.remove_prefix(std::min(output.size(), kHeader + length));
  }
  return kNoGoaway;
}

// Sends bytes beside the peer's own session, which may not understand the answers. Gives the code
// of the GOAWAY that answers them.
inline std::int64_t attack(Rig& rig, const std::string& bytes) {
  rig.deliver(bytes);
  const std::string output = rig.take_output();
  rig.peer.feed(output);
  return goaway_code(output);
}

}  // namespace tfe::testing
