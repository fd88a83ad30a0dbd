// Between the core's callbacks and an InferReceiver: makes events of responses. One object per
// request, held by the core until both ends; its methods run on threads of the core.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kserve/inference.h"

namespace tfe::kserve {

// Which outputs are wanted as classes.
struct Classification {
  struct Wanted {
    std::string output;
    std::uint32_t count = 0;
  };
  std::vector<Wanted> wanted;
  bool batches_first_dim = false;
};

// A response as values and views; the error of a failed inference or of its classification.
base::Result<std::shared_ptr<const InferResponse>> make_response(
    triton::Response response, const Classification& classification);

// Every response as it comes.
class StreamDelivery final : public triton::Observer {
 public:
  StreamDelivery(std::shared_ptr<InferReceiver> receiver, Classification classification)
      : receiver_(std::move(receiver)), classification_(std::move(classification)) {}

  void on_response(std::optional<triton::Response> response, bool final) override;

 private:
  std::shared_ptr<InferReceiver> receiver_;
  Classification classification_;
};

// One event at the final flag. Surplus responses are counted and dropped at once, so that a model
// that never stops cannot fill memory.
class SingleDelivery final : public triton::Observer {
 public:
  SingleDelivery(std::shared_ptr<InferReceiver> receiver, Classification classification)
      : receiver_(std::move(receiver)), classification_(std::move(classification)) {}

  void on_response(std::optional<triton::Response> response, bool final) override;

 private:
  std::shared_ptr<InferReceiver> receiver_;
  Classification classification_;
  // A backend may answer one request from several threads.
  std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::optional<triton::Response> held_;
};

}  // namespace tfe::kserve
