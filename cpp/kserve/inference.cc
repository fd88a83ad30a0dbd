#include "kserve/inference.h"

#include <unordered_set>

#include "kserve/delivery.h"
#include "kserve/tracing.h"

namespace tfe::kserve {

namespace {

std::string request_tag(const InferRequest& request) {
  return "[request id: " + (request.id.empty() ? "<id_unknown>" : request.id) + "] ";
}

const std::string* duplicate_output(const std::vector<RequestedOutput>& outputs) {
  if (outputs.size() < 2) return nullptr;
  std::unordered_set<std::string_view> names;
  for (const RequestedOutput& output : outputs) {
    if (!names.insert(output.name).second) return &output.name;
  }
  return nullptr;
}

// Puts an InferRequest into the core's request, in the order in which Triton's frontends do it, so
// that of several errors the same one is reported.
class Builder {
 public:
  // `memory`: null if the request may not use any.
  Builder(const InferRequest& source, triton::Request& target, const SharedMemory* memory,
          RequestRegions& regions)
      : source_(source), target_(target), memory_(memory), regions_(regions) {}

  base::Status run() {
    if (auto status = header(); !status) return status;
    if (source_.raw_input) return raw_input();
    if (auto status = inputs(); !status) return status;
    if (auto status = outputs(); !status) return status;
    return data();
  }

 private:
  base::Status header() {
    base::Status status;
    if (!source_.id.empty()) status = target_.set_id(source_.id);
    if (status) status = sequence();
    if (status && source_.flags != 0) status = target_.set_flags(source_.flags);
    if (status && source_.priority != 0) status = target_.set_priority(source_.priority);
    if (status && source_.timeout_us != 0) status = target_.set_timeout_us(source_.timeout_us);
    for (const triton::Parameter& parameter : source_.parameters) {
      if (!status) break;
      status = target_.set_parameter(parameter);
    }
    return status;
  }

  base::Status sequence() {
    if (const auto* number = std::get_if<std::uint64_t>(&source_.sequence_id)) {
      return target_.set_correlation_id(*number);
    }
    if (const auto* text = std::get_if<std::string>(&source_.sequence_id)) {
      return target_.set_correlation_id(*text);
    }
    return {};
  }

  base::Status raw_input() {
    // The name serves only this pair of calls and the core's error texts.
    static const std::string kName = "raw_input";
    if (auto status = target_.add_raw_input(kName); !status) return status;
    return target_.append_input(kName, *source_.raw_input);
  }

  base::Status inputs() {
    for (const Input& input : source_.inputs) {
      auto status = target_.add_input(input.name, input.datatype, input.shape);
      if (!status) return status;
    }
    return {};
  }

  base::Status outputs() {
    // Older cores would silently answer a name given twice once.
    if (const std::string* name = duplicate_output(source_.outputs)) {
      return base::fail(base::Code::kInvalidArgument,
                        request_tag(source_) + "output '" + *name + "' already exists in request");
    }
    for (const RequestedOutput& output : source_.outputs) {
      if (auto status = target_.add_output(output.name); !status) return status;
    }
    return {};
  }

  base::Status data() {
    base::Status status;
    for (const Input& input : source_.inputs) {
      status = input.shared_memory ? input_region(input.name, *input.shared_memory)
                                   : target_.append_input(input.name, input.data);
      if (!status) return status;
    }
    for (const RequestedOutput& output : source_.outputs) {
      if (output.shared_memory) status = output_region(output.name, *output.shared_memory);
      if (!status) return status;
    }
    return {};
  }

  base::Status input_region(const std::string& name, const SharedMemoryRef& reference) {
    if (!memory_) return no_region(reference);
    return regions_.bind_input(*memory_, name, reference, target_);
  }

  base::Status output_region(const std::string& name, const SharedMemoryRef& reference) {
    if (!memory_) return no_region(reference);
    return regions_.bind_output(*memory_, name, reference, target_);
  }

  static base::Status no_region(const SharedMemoryRef& reference) {
    return base::fail(base::Code::kNotFound,
                      "Unable to find shared memory region: '" + reference.region + "'");
  }

  const InferRequest& source_;
  triton::Request& target_;
  const SharedMemory* memory_;
  RequestRegions& regions_;
};

base::Result<Classification> classification_of(const triton::Server& server,
                                               const InferRequest& request) {
  Classification classification;
  for (const RequestedOutput& output : request.outputs) {
    if (output.classification > 0) {
      classification.wanted.push_back({output.name, output.classification});
    }
  }
  if (classification.wanted.empty()) return classification;
  auto traits = server.model_traits(request.model, request.version);
  if (!traits) return std::unexpected(std::move(traits.error()));
  classification.batches_first_dim = traits->batches_first_dim;
  return classification;
}

}  // namespace

Inference::Inference(std::shared_ptr<triton::Server> server, bool client_shm, OtherServers others)
    : server_(std::move(server)),
      extensions_(extensions_of(*server_)),
      client_shm_(client_shm),
      others_(std::move(others)) {}

bool Inference::elsewhere(const std::string& model) const {
  return server_->faults().find(model).has_value() && others_ && others_();
}

base::Status Inference::check_fault(const std::string& model) const {
  const auto fault = server_->faults().find(model);
  if (!fault) return {};
  const std::string what = "model '" + model + "' is unavailable";
  if (others_ && others_()) {
    return base::fail(base::Code::kElsewhere,
                      what + " on this worker: " + fault->text + "; another worker serves it");
  }
  if (fault->stuck) return {};
  return base::fail(base::Code::kUnavailable, what + ": " + fault->text);
}

template <typename Delivery>
base::Result<InferCall> Inference::send(InferRequest&& request,
                                        std::shared_ptr<InferReceiver> receiver) {
  if (auto status = check_fault(request.model); !status) {
    return std::unexpected(std::move(status.error()));
  }
  auto target = triton::Request::create(server_, request.model, request.version);
  if (!target) return std::unexpected(std::move(target.error()));
  // First of all: from here on the memory must live as long as the core's request.
  for (base::Owner& owner : request.memory) target->keep(std::move(owner));
  OutputPlan plan;
  const SharedMemory* memory = client_shm_ ? &extensions_->shared_memory : nullptr;
  if (auto status = Builder(request, *target, memory, plan.regions).run(); !status) {
    return std::unexpected(std::move(status.error()));
  }
  auto classification = classification_of(*server_, request);
  if (!classification) return std::unexpected(std::move(classification.error()));
  plan.classification = std::move(*classification);
  if (request.trace) {
    if (auto trace = request.trace->take_core_trace()) target->set_trace(*std::move(trace));
  }
  plan.flight = begin_flight(request.model, request.id);
  plan.work = begin_work();
  return std::move(*target).send(std::make_shared<Delivery>(std::move(receiver), std::move(plan)));
}

base::Status Inference::check_single_response(const std::string& model, std::int64_t version,
                                              std::string_view protocol_text) const {
  auto decoupled = server_->decoupled(model, version);
  if (!decoupled) return std::unexpected(std::move(decoupled.error()));
  if (*decoupled) return base::fail(base::Code::kUnsupported, std::string(protocol_text));
  return {};
}

base::Result<InferCall> Inference::submit(InferRequest&& request,
                                          std::shared_ptr<InferReceiver> receiver) {
  return send<StreamDelivery>(std::move(request), std::move(receiver));
}

base::Result<InferCall> Inference::submit_single(InferRequest&& request,
                                                 std::shared_ptr<InferReceiver> receiver) {
  return send<SingleDelivery>(std::move(request), std::move(receiver));
}

}  // namespace tfe::kserve
