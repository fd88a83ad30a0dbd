// HTTP/2 by hand: header blocks, requests and the server's answer as frames, for what no library
// would send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2/peer.h"
#include "http2/rig.h"

namespace tfe::testing {

struct SentFrame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  // Of RST_STREAM and GOAWAY.
  std::uint32_t error_code() const {
    const std::size_t at = type == NGHTTP2_GOAWAY ? 4 : 0;
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      code = code << 8 | static_cast<unsigned char>(payload.at(at + i));
    }
    return code;
  }
};

inline std::vector<SentFrame> split_frames(std::string_view bytes) {
  std::vector<SentFrame> frames;
  const auto byte = [&](std::size_t at) {
    return std::uint32_t{static_cast<unsigned char>(bytes[at])};
  };
  while (bytes.size() >= 9) {
    const std::size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
    frames.push_back({static_cast<std::uint8_t>(byte(3)), static_cast<std::uint8_t>(byte(4)),
                      byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8),
                      std::string(bytes.substr(9, length))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + length));
  }
  return frames;
}

// RFC 7541 section 6.2.2, lengths below 127, no Huffman code: a literal that is not indexed.
inline std::string literal(std::string_view name, std::string_view value) {
  std::string field(1, '\0');
  field += static_cast<char>(name.size());
  field += name;
  field += static_cast<char>(value.size());
  field += value;
  return field;
}

inline std::string block(const Fields& fields) {
  std::string bytes;
  for (const auto& [name, value] : fields) bytes += literal(name, value);
  return bytes;
}

inline const Fields kPost{
    {":method", "POST"}, {":scheme", "http"}, {":path", "/path"}, {":authority", "x"}};

inline Fields with(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

inline std::string headers(std::uint32_t stream, const Fields& fields, bool end = true) {
  const int flags = NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0);
  return frame(NGHTTP2_HEADERS, static_cast<std::uint8_t>(flags), stream, block(fields));
}

inline std::string data(std::uint32_t stream, std::string_view bytes, bool end = false) {
  return frame(NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, stream, bytes);
}

inline std::string u32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

inline std::string setting(std::uint16_t id, std::uint32_t value) {
  return std::string{static_cast<char>(id >> 8), static_cast<char>(id)} + u32(value);
}

// A connection after its preface and settings, whose every frame is the test's own. The application
// answers each complete request with "ok".
class Wire {
 public:
  explicit Wire(http2::Options options = {}) : rig(std::move(options)) {
    rig.handler.on_complete = [](Seen& seen) {
      if (seen.exchange != nullptr) answer(*seen.exchange, "ok");
    };
    send(std::string(http2::kClientPreface) + frame(NGHTTP2_SETTINGS, 0, 0, ""));
    rig.deliver(frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, ""));
  }

  // Sends bytes, keeps what the server says to them.
  void send(std::string_view bytes) {
    rig.deliver(bytes);
    replies = split_frames(rig.take_output());
  }
  // The code of the GOAWAY or RST_STREAM among the last replies, -1 for none.
  std::int64_t goaway() const {
    for (const SentFrame& reply : replies) {
      if (reply.type == NGHTTP2_GOAWAY) return reply.error_code();
    }
    return -1;
  }
  std::int64_t reset(std::uint32_t stream) const {
    for (const SentFrame& reply : replies) {
      if (reply.type == NGHTTP2_RST_STREAM && reply.stream == stream) return reply.error_code();
    }
    return -1;
  }
  std::size_t count(std::uint8_t type, std::uint32_t stream) const {
    std::size_t frames = 0;
    for (const SentFrame& reply : replies) {
      if (reply.type == type && reply.stream == stream) ++frames;
    }
    return frames;
  }
  // The stream was answered with "ok" in the last replies.
  bool answered(std::uint32_t stream) const {
    for (const SentFrame& reply : replies) {
      if (reply.type == NGHTTP2_DATA && reply.stream == stream && reply.payload == "ok") {
        return true;
      }
    }
    return false;
  }
  // A request on that stream is served: the connection is well.
  bool serves(std::uint32_t stream) {
    send(headers(stream, kPost));
    return answered(stream);
  }
  bool finished() const { return rig.connection.finished(); }

  Rig rig;
  std::vector<SentFrame> replies;
};

// The connection ended with that code and the handler saw no more than `requests`.
inline void expect_end(Wire& wire, std::uint32_t code) {
  EXPECT_EQ(wire.goaway(), std::int64_t{code});
  EXPECT_TRUE(wire.finished());
}

// Only the stream ended; the connection serves others.
inline void expect_reset(Wire& wire, std::uint32_t stream, std::uint32_t code) {
  EXPECT_EQ(wire.reset(stream), std::int64_t{code});
  EXPECT_EQ(wire.goaway(), -1);
  EXPECT_TRUE(wire.serves(stream + 100));
}

}  // namespace tfe::testing
