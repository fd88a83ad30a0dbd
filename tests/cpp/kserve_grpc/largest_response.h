// The largest response that an encoder makes: 2^31 - 1 bytes, what protobuf's readers can hold.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>
#include <string>

#include "kserve/inference.h"

namespace tfe::testing {

// `encode` makes a message of a shared InferResponse. All of the message counts, not its tensor
// alone: clients could not parse it.
template <typename Encode>
void expect_protobuf_limit(Encode encode) {
  constexpr std::size_t kMost = 2'147'483'647;
  constexpr std::size_t kAround = 200;  // more than there is around the tensor
  void* pages =
      ::mmap(nullptr, kMost, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  const auto size_of = [&](std::size_t tensor) -> std::string {
    auto response = std::make_shared<kserve::InferResponse>();
    response->outputs.push_back(
        {"O", triton::DataType::kUint8, {}, {static_cast<const std::byte*>(pages), tensor}, false});
    const auto message = encode(response);
    return message ? std::to_string(message->size()) : message.error().message;
  };
  const std::size_t around = std::stoull(size_of(kMost - kAround)) - (kMost - kAround);
  EXPECT_EQ(size_of(kMost - around), std::to_string(kMost));
  EXPECT_EQ(size_of(kMost - around + 1),
            "Response has byte size 2147483648 which exceeds gRPC's byte size limit 2147483647.");
  ::munmap(pages, kMost);
}

}  // namespace tfe::testing
