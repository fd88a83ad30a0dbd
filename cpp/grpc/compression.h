// Message compression ("Compression" of the gRPC protocol): which encodings there are, which one a
// response gets, and compressing one message. zlib itself is behind http/content_coding.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "grpc/status.h"
#include "http/content_coding.h"

namespace tfe::grpc {

// What this side understands, as grpc-accept-encoding lists it. "deflate" is the zlib format.
inline constexpr std::string_view kAcceptEncoding = "identity, deflate, gzip";

// How much work responses are worth. kLow prefers gzip, the others deflate, as gRPC's own servers
// do; zlib's level is 1, 6 and 9.
enum class CompressionLevel : std::uint8_t { kNone, kLow, kMedium, kHigh };

// The value of a grpc-encoding header; an absent one is kIdentity. Empty for an unknown encoding.
std::optional<http::Coding> parse_encoding(std::string_view value);

// The encoding of the responses of a call whose client sent that grpc-accept-encoding (all lines
// joined by commas). kIdentity if the client understands no other.
http::Coding choose_encoding(CompressionLevel level, std::string_view accepted);

// Why a message marked as compressed cannot be read under that grpc-encoding; empty if it can.
std::optional<Status> refuse_encoding(std::string_view encoding);

// The message with its prefix, compressed unless that does not make it smaller or there is no
// memory for it: the flag of each message says which.
base::Chain frame_compressed(base::Chain message, http::Coding coding, CompressionLevel level);

}  // namespace tfe::grpc
