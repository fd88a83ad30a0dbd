#include "kserve/delivery.h"

#include "kserve/classification.h"

namespace tfe::kserve {

namespace {

std::uint32_t classes_of(const Classification& classification, std::string_view output) {
  for (const auto& wanted : classification.wanted) {
    if (wanted.output == output) return wanted.count;
  }
  return 0;
}

base::Status classify_output(InferResponse& response, std::size_t index,
                             const triton::OutputView& view, std::uint32_t count,
                             bool batches_first_dim) {
  auto classes = classify(view, count, batches_first_dim, [&](std::size_t class_index) {
    return response.core->label(index, class_index);
  });
  if (!classes) return std::unexpected(std::move(classes.error()));
  // Reserved by make_response, so that growing never moves what the views refer to.
  response.owned_data.push_back(std::move(classes->data));
  response.owned_shapes.push_back(std::move(classes->shape));
  response.outputs.push_back({.name = view.name,
                              .datatype = triton::DataType::kBytes,
                              .shape = response.owned_shapes.back(),
                              .data = base::as_bytes(response.owned_data.back())});
  return {};
}

base::Status add_output(InferResponse& response, std::size_t index, const OutputPlan& plan) {
  auto view = response.core->output(index);
  if (!view) return std::unexpected(std::move(view.error()));
  if (plan.regions.output(view->name)) {
    response.outputs.push_back({.name = view->name,
                                .datatype = view->datatype,
                                .shape = view->shape,
                                .data = {},
                                .in_shared_memory = true});
    return {};
  }
  if (view->place.type == triton::MemoryType::kGpu) {
    return base::fail(base::Code::kInternal,
                      "output '" + std::string(view->name) + "' is in GPU memory");
  }
  if (const std::uint32_t count = classes_of(plan.classification, view->name)) {
    return classify_output(response, index, *view, count, plan.classification.batches_first_dim);
  }
  response.outputs.push_back(
      {.name = view->name, .datatype = view->datatype, .shape = view->shape, .data = view->data});
  return {};
}

}  // namespace

base::Result<std::shared_ptr<const InferResponse>> make_response(triton::Response core,
                                                                 const OutputPlan& plan) {
  // Outputs of a failed inference must not be looked at.
  if (auto status = core.status(); !status) return std::unexpected(std::move(status.error()));
  auto response = std::make_shared<InferResponse>();
  response->core.emplace(std::move(core));
  auto parameters = response->core->parameters();
  if (!parameters) return std::unexpected(std::move(parameters.error()));
  response->parameters = std::move(*parameters);
  response->model_name = response->core->model_name();
  response->model_version = response->core->model_version();
  response->id = response->core->id();

  const std::size_t count = response->core->output_count();
  response->outputs.reserve(count);
  if (!plan.classification.wanted.empty()) {
    response->owned_data.reserve(count);
    response->owned_shapes.reserve(count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (auto status = add_output(*response, i, plan); !status) {
      return std::unexpected(std::move(status.error()));
    }
  }
  return response;
}

InferEvent Delivery::event_of(triton::Response response, bool final) const {
  InferEvent event{.response = nullptr, .error = std::nullopt, .final = final};
  auto made = make_response(std::move(response), plan_);
  if (made) {
    event.response = std::move(*made);
  } else {
    event.error = std::move(made.error());
  }
  return event;
}

void Delivery::deliver(InferEvent event) {
  if (event.final) {
    plan_.regions.end();
    plan_.flight.end();
    plan_.work.end();
  }
  receiver_->on_event(std::move(event));
}

void StreamDelivery::on_response(std::optional<triton::Response> response, bool final) {
  if (response) {
    deliver(event_of(std::move(*response), final));
  } else {
    deliver({.response = nullptr, .error = std::nullopt, .final = final});
  }
}

void SingleDelivery::on_response(std::optional<triton::Response> response, bool final) {
  std::uint64_t count = 0;
  {
    std::lock_guard lock(mutex_);
    if (response) {
      ++count_;
      if (count_ == 1) held_ = std::move(response);
    }
    if (!final) return;
    count = count_;
    response = std::move(held_);
    held_.reset();
  }
  if (count == 1) {
    deliver(event_of(std::move(*response), true));
    return;
  }
  deliver({.response = nullptr,
           .error = base::Error{base::Code::kInternal,
                                "expected a single response, got " + std::to_string(count)},
           .final = true});
}

}  // namespace tfe::kserve
