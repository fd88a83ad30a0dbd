#include "kserve_grpc/infer_request.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "base/buffer_pool.h"
#include "kserve/log_control.h"
#include "kserve_grpc/request_parameters.h"
#include "kserve_grpc/tensor_parameters.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

base::Status invalid(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

// Backends may read a tensor through a pointer to its element type.
bool aligned(base::Bytes data, triton::DataType datatype) {
  const std::size_t size = triton::element_size(datatype);
  return size <= 1 || reinterpret_cast<std::uintptr_t>(data.data()) % size == 0;
}

base::Status bind_raw(base::Bytes data, kserve::Input& input, kserve::InferRequest& request) {
  input.data = data;
  if (data.empty() || aligned(data, input.datatype)) return {};
  const auto copy = base::BufferPool::global().take_shared(data.size());
  if (!copy) {
    return base::fail(base::Code::kResourceExhausted,
                      "no memory for the " + std::to_string(data.size()) +
                          " bytes of input tensor '" + input.name + "'");
  }
  std::memcpy(copy->data(), data.data(), data.size());
  input.data = {copy->data(), data.size()};
  request.memory.push_back(copy);
  return {};
}

// Gives inputs their data: the k-th raw entry belongs to the k-th input that has neither shared
// memory nor contents.
class Binder {
 public:
  Binder(const InferMessage& message, kserve::InferRequest& request)
      : message_(message), request_(request) {}

  base::Status bind(const WireInput& wire, kserve::Input& input) {
    if (input.shared_memory) {
      if (!wire.contents.present()) return {};
      return invalid("unexpected 'content' provided when using shared memory for input tensor " +
                     in_model(input));
    }
    if (!wire.contents.present()) return next_raw(input);
    if (!message_.raw_inputs.empty()) {
      return invalid("contents field must not be specified when using raw_input_contents for " +
                     in_model(input));
    }
    auto data = convert_contents(wire.contents, input.datatype, {input.name, request_.model});
    if (!data) return std::unexpected(std::move(data.error()));
    input.data = data->bytes;
    if (data->owner) request_.memory.push_back(std::move(data->owner));
    return {};
  }

 private:
  base::Status next_raw(kserve::Input& input) {
    if (next_ == message_.raw_inputs.size()) {
      return invalid("unable to find data for input tensor " + in_model(input) + " in request.");
    }
    return bind_raw(message_.raw_inputs[next_++], input, request_);
  }

  std::string in_model(const kserve::Input& input) const {
    return "'" + input.name + "' for model '" + request_.model + "'";
  }

  const InferMessage& message_;
  kserve::InferRequest& request_;
  std::size_t next_ = 0;
};

base::Status add_inputs(const InferMessage& message, kserve::InferRequest& request) {
  Binder binder(message, request);
  request.inputs.reserve(message.inputs.size());
  for (const WireInput& wire : message.inputs) {
    kserve::Input& input = request.inputs.emplace_back();
    input.name = wire.name;
    input.datatype = triton::parse_datatype(wire.datatype);
    input.shape = wire.shape;
    auto reference = parse_shared_memory(wire.parameters, wire.name);
    if (!reference) return std::unexpected(std::move(reference.error()));
    input.shared_memory = std::move(*reference);
    if (auto bound = binder.bind(wire, input); !bound) return bound;
  }
  return {};
}

base::Status add_outputs(const InferMessage& message, kserve::InferRequest& request) {
  request.outputs.reserve(message.outputs.size());
  for (const WireOutput& wire : message.outputs) {
    kserve::RequestedOutput& output = request.outputs.emplace_back();
    output.name = wire.name;
    auto reference = parse_shared_memory(wire.parameters, wire.name);
    if (!reference) return std::unexpected(std::move(reference.error()));
    output.shared_memory = std::move(*reference);
    auto classes = parse_classification(wire.parameters);
    if (!classes) return std::unexpected(std::move(classes.error()));
    output.classification = *classes;
    if (output.shared_memory && output.classification != 0) {
      return invalid("output can't set both 'shared_memory_region' and 'classification'");
    }
  }
  return {};
}

// The core takes C strings: what follows a NUL would be lost without a word.
base::Status check_texts(const InferMessage& message) {
  base::Status status = check_name("model_name", message.model_name);
  if (status) status = check_name("id", message.id);
  for (const WireInput& input : message.inputs) {
    if (status) status = check_name("input name", input.name);
  }
  for (const WireOutput& output : message.outputs) {
    if (status) status = check_name("output name", output.name);
  }
  return status;
}

}  // namespace

base::Result<kserve::InferRequest> build_infer_request(const InferMessage& message,
                                                       std::int64_t version, base::Owner owner) {
  kserve::InferRequest request;
  request.model = message.model_name;
  request.version = version;
  request.id = message.id;
  if (owner) request.memory.push_back(std::move(owner));
  base::Status status = check_texts(message);
  if (status) status = apply_request_parameters(message.parameters, request);
  if (status) status = add_inputs(message, request);
  if (status) status = add_outputs(message, request);
  if (!status) return std::unexpected(std::move(status.error()));
  return request;
}

std::uint64_t data_work(const InferMessage& message) {
  constexpr std::uint64_t kCopyGain = 16;
  std::uint64_t work = 0;
  for (const WireInput& input : message.inputs) {
    for (const base::Bytes part : input.contents.parts) work += part.size();
  }
  for (const base::Bytes raw : message.raw_inputs) {
    if (!aligned(raw, triton::DataType::kFp64)) work += raw.size() / kCopyGain;
  }
  return work;
}

void log_surplus(const triton::Server& server, const InferMessage& message,
                 const kserve::InferRequest& request) {
  if (message.raw_inputs.empty()) return;
  std::size_t used = 0;
  for (std::size_t i = 0; i < message.inputs.size(); ++i) {
    if (!request.inputs[i].shared_memory && !message.inputs[i].contents.present()) ++used;
  }
  if (used >= message.raw_inputs.size()) return;
  // A client that does it once does it always, so only the counts 1, 2, 4, 8... are told.
  static std::atomic<std::uint64_t> count = 0;
  const std::uint64_t now = count.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!std::has_single_bit(now)) return;
  (void)triton::log_message(server.library(), triton::LogLevel::kWarn, "tritonfrontend", 0,
                            "GRPC frontend: a request to model '" + request.model + "' has " +
                                std::to_string(message.raw_inputs.size()) +
                                " raw_input_contents, of which its inputs use " +
                                std::to_string(used) +
                                " (such requests so far: " + std::to_string(now) + ")");
}

}  // namespace tfe::kserve_grpc
