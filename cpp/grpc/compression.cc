#include "grpc/compression.h"

#include <array>
#include <utility>

#include "grpc/framing.h"
#include "http/headers.h"

namespace tfe::grpc {
namespace {

using http::Coding;

int zlib_level(CompressionLevel level) {
  constexpr std::array kLevels{0, 1, 6, 9};
  return kLevels[static_cast<std::size_t>(level)];
}

}  // namespace

std::optional<Coding> parse_encoding(std::string_view value) {
  if (value.empty() || value == "identity") return Coding::kIdentity;
  if (value == "gzip") return Coding::kGzip;
  if (value == "deflate") return Coding::kDeflate;
  return std::nullopt;
}

Coding choose_encoding(CompressionLevel level, std::string_view accepted) {
  if (level == CompressionLevel::kNone) return Coding::kIdentity;
  bool gzip = false;
  bool deflate = false;
  http::for_each_item(accepted, [&](std::string_view item) {
    gzip = gzip || item == "gzip";
    deflate = deflate || item == "deflate";
  });
  if (gzip && (level == CompressionLevel::kLow || !deflate)) return Coding::kGzip;
  return deflate ? Coding::kDeflate : Coding::kIdentity;
}

std::optional<Status> refuse_encoding(std::string_view encoding) {
  const auto coding = parse_encoding(encoding);
  if (!coding) {
    return Status{Code::kUnimplemented,
                  "Compression algorithm '" + std::string(encoding) +
                      "' is not supported, supported are: " + std::string(kAcceptEncoding)};
  }
  if (*coding == Coding::kIdentity) {
    return Status{Code::kInternal, "Compression bit set but no encoding configured"};
  }
  return std::nullopt;
}

base::Chain frame_compressed(base::Chain message, Coding coding, CompressionLevel level) {
  if (coding == Coding::kIdentity || message.empty()) return frame_message(std::move(message));
  auto encoded = http::encode_content(message, coding, zlib_level(level));
  if (!encoded || encoded->size() >= message.size()) return frame_message(std::move(message));
  return frame_message(*std::move(encoded), true);
}

}  // namespace tfe::grpc
