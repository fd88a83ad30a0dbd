// Which protocol a connection speaks: the one that TLS agreed on (ALPN), or, in cleartext on a port
// that takes both, the one whose first bytes arrive (RFC 9113 section 3.4: every HTTP/2 connection
// begins with a fixed preface that no HTTP/1 request can begin with).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "http/exchange.h"
#include "http/protocol.h"
#include "http1/connection.h"
#include "http2/connection.h"
#include "server/connection.h"

namespace tfe::server {

enum class Protocols : std::uint8_t { kHttp1, kHttp2, kBoth };

struct ProtocolOptions {
  Protocols protocols = Protocols::kBoth;
  http1::ConnectionOptions http1;
  http2::Options http2;
  // kBoth in cleartext: how long a client may stay silent before its protocol is known. The same as
  // the usual limit on idle connections, since clients open connections in advance.
  std::chrono::milliseconds first_byte_timeout{60'000};
};

// Who answers, by protocol. Both may be the same.
struct Handlers {
  http::Handler& http1;
  http::Handler& http2;
};

// The handlers must outlive every connection.
ProtocolFactory make_protocol_factory(Handlers handlers, ProtocolOptions options);
inline ProtocolFactory make_protocol_factory(http::Handler& handler, ProtocolOptions options) {
  return make_protocol_factory(Handlers{handler, handler}, std::move(options));
}

// A protocol that waits for the first bytes and then becomes one of two. Exposed for tests.
using MakeProtocol = std::function<std::unique_ptr<http::Protocol>()>;
std::unique_ptr<http::Protocol> make_sniffer(MakeProtocol http1, MakeProtocol http2,
                                             base::TimePoint deadline);

}  // namespace tfe::server
