// One compressed message being received: inflated piece by piece as it arrives, so that it is never
// held twice and a small message that expands without end is refused at the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>

#include "grpc/framing.h"
#include "http/content_coding.h"

namespace tfe::grpc {

class MessageInflater final : private http::DecodedOutput {
 public:
  // `wire_size`: the length its prefix announced; `limit`: most bytes it may have inflated.
  MessageInflater(http::Coding coding, std::size_t wire_size, std::size_t limit,
                  std::shared_ptr<MemoryBudget> budget, Aligner aligner);

  std::expected<void, Status> write(base::Bytes piece);
  // The message ended; the inflater is used up.
  std::expected<Message, Status> finish();

 private:
  base::MutableBytes room() override;
  void filled(std::size_t count) override;

  bool grow();
  Status failure(const base::Error& error) const;

  const std::size_t limit_;
  std::size_t first_size_;
  std::shared_ptr<MemoryBudget> budget_;
  Aligner aligner_;
  std::shared_ptr<MessageBlock> block_;
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t filled_ = 0;
  bool over_budget_ = false;
  http::ContentDecoder decoder_;
};

}  // namespace tfe::grpc
