// Every limit of an HTTP/2 connection, with its default and the reason for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "http2/response_budget.h"

namespace tfe::http2 {

using std::chrono::milliseconds;

// Limits against hostile peers. A bucket holds `burst` tokens and regains `per_second`; one event
// takes one token and an empty bucket ends the connection with ENHANCE_YOUR_CALM.
struct Rate {
  std::uint32_t burst = 0;
  std::uint32_t per_second = 0;
};

struct AbuseLimits {
  // RST_STREAM from the peer (rapid reset, CVE-2023-44487). Clients of language models cancel in
  // masses over one shared connection, so the library's 33 per second is too tight; the work behind
  // a reset is bounded by `max_abandoned` instead.
  Rate peer_resets{10'000, 1'000};
  // RST_STREAM that the peer provoked by breaking stream rules (CVE-2025-8671): no honest client
  // does it, a proxy in front of many may relay a few.
  Rate provoked_resets{200, 20};
  // PINGs that we must acknowledge. Bandwidth probes of gRPC clients send about ten per second.
  Rate pings{1'000, 200};
  // SETTINGS frames. Clients change them when their bandwidth estimate grows: a handful per minute.
  Rate settings{100, 10};
  // PRIORITY frames: legal, ignored, and never needed in numbers (CVE-2019-9513). Frames of unknown
  // types are skipped without work and not counted.
  Rate priorities{1'000, 100};
  // DATA frames that the peer's window cut below `dribble_size` although more was ready
  // (CVE-2019-9511): windows opened byte by byte turn each byte into a frame. Honest peers return
  // credit in large steps; the rest of a window makes one such frame for each of those.
  Rate dribbles{1'000, 100};
  std::size_t dribble_size = 256;
  // DATA frames without payload and without END_STREAM, per stream (CVE-2019-9518).
  std::uint32_t empty_data_frames = 128;
  // CONTINUATION frames per header block (CVE-2024-28182). 16 KiB of headers fit in one HEADERS
  // frame, so 8 is generous; it is the library's own default, kept here to be seen.
  std::size_t continuations = 8;
  // Entries in one SETTINGS frame (CVE-2020-11080). Six settings are defined.
  std::size_t settings_entries = 32;
  // Acknowledgements queued while the peer does not read (CVE-2019-9512, CVE-2019-9515).
  std::size_t queued_acks = 1'000;
  // Requests that the peer reset while the server still works on them. Beyond it new requests are
  // refused (REFUSED_STREAM, safe to retry) until some of that work has ended.
  std::size_t max_abandoned = 1'024;
};

struct Options {
  // Flow-control windows that we grant. The protocol's default of 64 KiB limits a stream to 64 KiB
  // per round trip; 4 MiB and 8 MiB reach loopback speed with gRPC clients.
  std::uint32_t stream_window = 4U << 20;
  std::uint32_t connection_window = 8U << 20;
  // What they grow to for a request that is announced to be larger, so that large tensors are not
  // limited to `stream_window` per round trip over long lines either. 16 MiB is where gRPC's own
  // windows end.
  std::uint32_t max_stream_window = 16U << 20;
  std::uint32_t max_connection_window = 32U << 20;
  // Bytes of paused requests on a connection whose credit is returned to the connection (not to the
  // request), so that one request that waits does not hold back the others. Four full windows of
  // the largest size.
  std::size_t max_held = std::size_t{64} << 20;
  // Largest frame that peers may send (16 KiB to 16 MiB). Big tensors then come in few frames.
  std::uint32_t max_frame_size = 1U << 20;
  // Largest DATA frame that we send to peers that allow it: acknowledgements of PINGs and small
  // answers wait for at most one of these.
  std::uint32_t max_send_frame_size = 256U << 10;
  // Requests open at once on one connection. Load generators open thousands; more than this is
  // refused with REFUSED_STREAM.
  std::uint32_t max_concurrent_streams = 8'192;
  // Sum of name + value + 32 over all headers of a request. The value of gRPC's own servers.
  std::size_t max_header_list_size = 16U << 10;
  // Response bytes waiting for a peer that does not take them. Above it new requests are refused.
  std::size_t max_pending_response = std::size_t{256} << 20;
  // The same over all connections that share it; null: without limit. While it is exceeded a peer
  // that takes nothing is dropped after `pressed_stall_timeout` already.
  std::shared_ptr<ResponseBudget> responses;
  // The receive buffer starts small, so that idle connections cost little, and doubles up to this
  // while reads fill it. More than 64 KiB brought no speed.
  std::size_t max_receive_buffer = 64U << 10;

  // From accept to the end of the client's connection preface.
  milliseconds preface_timeout{20'000};
  // No request for this long closes the connection gracefully. 0: never, as gRPC servers do;
  // channels of gRPC clients stay idle for hours.
  milliseconds idle_timeout{0};
  // Output is waiting and the peer took nothing of it for this long: the connection is dropped, so
  // that clients that never read do not hold response memory for ever. 0: never.
  milliseconds write_stall_timeout{300'000};
  // Longer than any round trip, retransmissions included. 0: the limit of all is not looked at.
  milliseconds pressed_stall_timeout{5'000};
  // A PING after this long without a byte from the peer, and how long its answer may take; then the
  // connection is dead. Only while requests are open unless `keepalive_without_calls`. Triton's
  // defaults.
  milliseconds keepalive_time{7'200'000};
  milliseconds keepalive_timeout{20'000};
  bool keepalive_without_calls = false;
  // Keepalive PINGs that follow each other without HEADERS or DATA from us in between; then at most
  // one per minute, because proxies count pings too. 0: no cap.
  std::uint32_t max_pings_without_data = 2;
  // The shortest time between two PINGs of the peer without HEADERS or DATA from us in between, and
  // how many may come sooner; see PingStrikes. 0 strikes: any number.
  milliseconds min_ping_interval{300'000};
  std::uint32_t max_ping_strikes = 2;
  // A connection is drained after this time, ten per cent more or less. 0: never.
  milliseconds max_connection_age{0};
  // From there to the end of the calls that are left. 0: as long as they take.
  milliseconds max_connection_age_grace{0};
  // Between the first GOAWAY of a drain and the second when the peer does not answer our PING.
  milliseconds drain_notice{1'000};

  AbuseLimits abuse;
};

}  // namespace tfe::http2
