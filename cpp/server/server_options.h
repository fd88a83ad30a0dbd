// What a server is made with. Lifetime rule: the server keeps a copy.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/tls_context.h"
#include "server/beat_page.h"
#include "server/connection.h"
#include "server/handoff.h"

namespace tfe::server {

struct ServerOptions {
  net::ListenOptions listen;
  // Loop threads, 1..256. Two already feed the core faster than it answers small requests.
  int threads = 2;
  // Speak TLS only. Null: clear text only.
  std::shared_ptr<net::TlsContext> tls;
  // Above this, clients are refused: they learn it immediately and can go elsewhere, where a full
  // queue would let them wait for their own timeout. At least 1.
  std::size_t max_connections = 65536;
  // So many connections above the limit are told why (PeerKind::kOverCap: HTTP 429); any more are
  // closed at once, or a flood of them would cost what the limit is there to save.
  std::size_t refusal_allowance = 64;
  net::LoopOptions loop;
  ConnectionLimits limits;
  BeatOptions beats;
  // A SOCK_SEQPACKET socket of someone else's through which more connections come, or -1; see
  // net/inbox.h. Like an inherited listener it is left alone from a drain on.
  int inbox_fd = -1;
  // Needs beats.
  HandoffOptions handoff;
  // Threads are called "<name>-<n>"; 15 characters count.
  std::string name = "frontend";
  // Hears what goes wrong outside of any request, e.g. no descriptors left. Called on loop threads.
  std::function<void(const base::Error&)> on_error;
};

}  // namespace tfe::server
