#include <cstring>

#include "client.h"

inference::ModelInferRequest infer_request(const std::string& model, const std::string& id,
                                           std::int64_t count) {
  std::string raw(static_cast<std::size_t>(count) * sizeof(float), '\0');
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    std::memcpy(raw.data() + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
  }
  inference::ModelInferRequest request;
  request.set_model_name(model);
  request.set_id(id);
  auto* input = request.add_inputs();
  input->set_name("INPUT0");
  input->set_datatype("FP32");
  input->add_shape(count);
  request.add_raw_input_contents(std::move(raw));
  return request;
}

inference::ModelInferRequest slow_request() {
  auto request = infer_request("delay", "", 1);
  (*request.mutable_parameters())["delay_ms"].set_int64_param(kHourMs);
  return request;
}

inference::ModelInferRequest repeated(const std::string& id, std::int64_t count,
                                      std::int64_t interval_ms) {
  auto request = infer_request("repeat", id, 1);
  (*request.mutable_parameters())["responses"].set_int64_param(count);
  (*request.mutable_parameters())["interval_ms"].set_int64_param(interval_ms);
  return request;
}
