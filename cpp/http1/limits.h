// Every limit of an HTTP/1.1 connection, with its default and the reason for it. Slow readers and
// the wait for the client to close first are the connection's that owns the socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tfe::http1 {

struct Limits {
  // Method, target and version. RFC 9112 section 3 recommends at least 8000. Answered 414.
  std::size_t max_request_line = 8192;
  // Request line and header lines together. Clients of Triton send a few hundred bytes; forwarded
  // headers and cookies of proxies need some room. Answered 431.
  std::size_t max_head_bytes = 64 * 1024;
  // Bounds the work per head and the table of views. Answered 431.
  std::size_t max_header_count = 256;
  // The whole body, announced or counted. The reference server cannot take more either, as it reads
  // the length into 32 bits. Answered 413 before memory is taken.
  std::uint64_t max_body_bytes = 0x7fffffff;
  // Non-empty chunks of one body. A body cut into single bytes costs far more work than its size
  // says; the reference server has the same bound. Answered 400.
  std::size_t max_chunk_count = 65536;
  // One chunk-size line with its extensions, which are skipped. Answered 400.
  std::size_t max_chunk_line = 1024;
  // Trailer section, which is parsed and dropped. Answered 400.
  std::size_t max_trailer_bytes = 8192;
  // Bytes of later requests that may wait behind one being answered. The socket buffer holds the
  // rest, so a client that pipelines without end is held back by TCP.
  std::size_t max_pipelined_bytes = 64 * 1024;
  // Responses that wait for the client to read before the next pipelined request is begun.
  std::size_t max_unsent_bytes = 1024 * 1024;
  // Requests of one connection before it is closed, for load balancers that spread connections.
  // Zero: no limit; a connection costs nothing by its age.
  std::uint64_t max_requests = 0;
  // What is left of a refused request's body is read and dropped up to here, to keep the connection
  // usable; with more to come it is closed instead.
  std::uint64_t max_discarded_body = 1024 * 1024;
  // The reference server takes requests without Host; so do small scripts.
  bool require_host = false;
  // A client that shut down its sending side may still wait for the answer or may be gone; TCP does
  // not say. An interim response, which every HTTP/1.1 client must accept (RFC 9110 section 15.2),
  // makes a vanished client's kernel reset the connection, and so its inference can be cancelled.
  bool probe_half_closed = true;
  // Between two such probes, since the client may also leave after one. Each is 25 bytes.
  std::chrono::milliseconds probe_interval{1'000};

  // How long a request that another server is to answer waits for room in that one's inbox, which
  // is read many times a second, before it is answered here.
  std::chrono::milliseconds hand_over_timeout{1'000};

  // Zero switches a timeout off.
  //
  // From the first byte of a head to its end: bounds clients that trickle headers. Answered 408.
  std::chrono::milliseconds header_timeout{20'000};
  // Within a body, for each further min_body_progress bytes or the rest. Not its total time: large
  // tensors over slow links are legitimate. Answered 408.
  std::chrono::milliseconds body_timeout{60'000};
  // Bounds clients that trickle a body: a single byte now and then is no progress. 273 bytes a
  // second at the default timeout, slower than any line that could be meant. Zero: any byte counts.
  std::size_t min_body_progress = 16 * 1024;
  // Between requests. Longer than the 60 s after which common proxies and clients drop idle
  // connections themselves, so that they close first and do not race with us.
  std::chrono::milliseconds idle_timeout{75'000};
  // In a drain, how long a connection between two requests waits for one more, which is then told
  // Connection: close. HTTP/1.1 has no other way to say goodbye, and a request that was on its way
  // when the server closes is lost. Zero closes at once: a server without successor has no use for
  // one more request.
  std::chrono::milliseconds drain_grace{0};
};

}  // namespace tfe::http1
