// Between the core's callbacks and an InferReceiver: makes events of responses. One object per
// request, held by the core until both ends; its methods run on threads of the core.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kserve/flight_table.h"
#include "kserve/inference.h"
#include "kserve/request_regions.h"
#include "kserve/work_meter.h"

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

// What the request wants of its outputs.
struct OutputPlan {
  Classification classification;
  RequestRegions regions;
  Flight flight;
  WorkShare work;
};

// A response as values and views; the error of a failed inference or of its classification.
base::Result<std::shared_ptr<const InferResponse>> make_response(triton::Response response,
                                                                 const OutputPlan& plan);

// What both kinds share: where outputs go, and what becomes of a response.
class Delivery : public triton::Observer {
 public:
  base::Result<std::optional<triton::OutputBuffer>> allocate(std::string_view output,
                                                             std::size_t byte_size) override {
    return plan_.regions.allocate(output, byte_size);
  }
  triton::MemoryPlace place_of(std::string_view output,
                               std::optional<std::size_t> byte_size) override {
    return plan_.regions.place_of(output, byte_size);
  }

 protected:
  Delivery(std::shared_ptr<InferReceiver> receiver, OutputPlan plan)
      : receiver_(std::move(receiver)), plan_(std::move(plan)) {}

  InferEvent event_of(triton::Response response, bool final) const;
  // Ends the use of shared memory before the receiver hears of the end: what the client does next
  // must find its regions free.
  void deliver(InferEvent event);

 private:
  std::shared_ptr<InferReceiver> receiver_;
  OutputPlan plan_;
};

// Every response as it comes.
class StreamDelivery final : public Delivery {
 public:
  StreamDelivery(std::shared_ptr<InferReceiver> receiver, OutputPlan plan)
      : Delivery(std::move(receiver), std::move(plan)) {}

  void on_response(std::optional<triton::Response> response, bool final) override;
};

// One event at the final flag. Surplus responses are counted and dropped at once, so that a model
// that never stops cannot fill memory.
class SingleDelivery final : public Delivery {
 public:
  SingleDelivery(std::shared_ptr<InferReceiver> receiver, OutputPlan plan)
      : Delivery(std::move(receiver), std::move(plan)) {}

  void on_response(std::optional<triton::Response> response, bool final) override;

 private:
  // A backend may answer one request from several threads.
  std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::optional<triton::Response> held_;
};

}  // namespace tfe::kserve
