// Every limit of gRPC itself, with its default and the reason for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "base/clock.h"
#include "grpc/compression.h"
#include "grpc/framing.h"

namespace tfe::grpc {

// Runs a task on another thread. False if it will not: too much waits there already.
using Offload = std::function<bool(std::move_only_function<void()>)>;

struct RouterOptions {
  // Largest request message. More cannot be parsed as protobuf.
  std::size_t max_message_size = kMaxMessageSize;
  // Largest response message; a larger one ends its call with RESOURCE_EXHAUSTED.
  std::size_t max_send_size = kMaxMessageSize;
  // A request message that has begun must bring a byte in each such time, or its call ends with
  // DEADLINE_EXCEEDED: half a message holds memory for nothing. Total time is not limited. 0:
  // never.
  std::chrono::milliseconds message_timeout{60'000};
  // Compression of responses for methods that ask for it. None by default: tensors hardly shrink
  // and networks are faster than zlib.
  CompressionLevel compression = CompressionLevel::kNone;
  // Where large responses are compressed; null: on the thread that has them.
  Offload offload;
  // Bytes of request messages held at once by all calls, counted as they arrive; beyond it a
  // message is refused with RESOURCE_EXHAUSTED. Room for eight of the largest size.
  std::size_t max_request_bytes = std::size_t{16} << 30;
  // The same for the calls of one connection: half of it, so that no client has all.
  std::size_t max_connection_request_bytes = std::size_t{8} << 30;
  // Calls at once, those whose client is gone but whose work goes on included; beyond it calls are
  // refused with RESOURCE_EXHAUSTED. Far above what a model server can work on.
  std::size_t max_calls = 65'536;
  // The clock that deadlines are counted on.
  std::function<base::TimePoint()> now = &base::Clock::now;
};

}  // namespace tfe::grpc
