#include "grpc/router.h"

#include <utility>

#include "grpc/timeout.h"

namespace tfe::grpc {
namespace {

// For exchanges that are answered before there is a call.
class NoSink final : public http::RequestSink {
 public:
  void on_body(base::Bytes) override {}
  void on_end() override {}
  void on_abort() override {}
};

// "application/grpc", alone or with a "+format" or parameters. All formats are read as protobuf.
bool is_grpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc";
  if (!content_type.starts_with(kType)) return false;
  const std::string_view rest = content_type.substr(kType.size());
  return rest.empty() || rest.starts_with('+') || rest.starts_with(';');
}

// The head of the answer to a request that is not a gRPC call, if it is none.
std::optional<http::ResponseHead> refuse(const http::RequestHead& head, const Metadata& metadata) {
  if (head.method != "POST") {
    auto refusal = trailers_only({Code::kUnimplemented, "gRPC calls use the method POST"}, 405);
    refusal.headers.push_back({"allow", "POST"});
    return refusal;
  }
  // Hand-written clients leave it out, and gRPC's own servers let them.
  const auto content_type = metadata.find("content-type");
  if (content_type && !is_grpc(*content_type)) {
    return trailers_only(
        {Code::kInvalidArgument,
         "invalid content-type '" + std::string(*content_type) + "', expected application/grpc"},
        415);
  }
  return std::nullopt;
}

}  // namespace

Router::Router(RouterOptions options)
    : options_(std::move(options)),
      budget_(std::make_shared<MemoryBudget>(options_.max_request_bytes)),
      calls_(std::make_shared<std::atomic<std::size_t>>(0)) {}

void Router::add(std::string path, Factory factory, Aligner aligner, bool compress) {
  methods_.insert_or_assign(std::move(path), Method{std::move(factory), aligner, compress});
}

std::shared_ptr<MemoryBudget> Router::budget_of(http::Exchange& exchange) const {
  std::shared_ptr<void>* slot = exchange.connection_slot();
  if (slot == nullptr) return budget_;
  if (!*slot) {
    *slot = std::make_shared<MemoryBudget>(options_.max_connection_request_bytes, budget_);
  }
  return std::static_pointer_cast<MemoryBudget>(*slot);
}

CallOptions Router::call_options(const Method& method, const Metadata& metadata,
                                 http::Exchange& exchange) const {
  CallOptions options{.max_message_size = options_.max_message_size,
                      .max_send_size = options_.max_send_size,
                      .budget = budget_of(exchange),
                      .aligner = method.aligner,
                      .message_timeout = options_.message_timeout,
                      .now = options_.now,
                      .offload = {},
                      .calls = calls_};
  if (!method.compress || options_.compression == CompressionLevel::kNone) return options;
  options.level = options_.compression;
  options.coding = choose_encoding(options.level, metadata.find_all("grpc-accept-encoding"));
  options.offload = options_.offload;
  return options;
}

std::shared_ptr<http::RequestSink> Router::on_request(const http::RequestHead& head,
                                                      http::Exchange& exchange) {
  const Metadata metadata(head.headers);
  auto refusal = refuse(head, metadata);
  const auto method = methods_.find(head.target);
  if (!refusal && method == methods_.end()) {
    refusal = trailers_only({Code::kUnimplemented, "unknown method " + std::string(head.target)});
  }
  if (!refusal && guard_) {
    if (const auto status = guard_(head.target, metadata)) refusal = trailers_only(*status);
  }
  if (!refusal && calls() >= options_.max_calls) {
    refusal = trailers_only(
        {Code::kResourceExhausted,
         "the server has its limit of " + std::to_string(options_.max_calls) + " calls in work"});
  }
  if (refusal) {
    exchange.respond(std::move(*refusal), {});
    return std::make_shared<NoSink>();
  }
  auto call = std::make_shared<Call>(exchange, call_options(method->second, metadata, exchange),
                                     std::string(metadata.find("grpc-encoding").value_or("")));
  open(method->second, metadata, call);
  return call;
}

void Router::open(const Method& method, const Metadata& metadata,
                  const std::shared_ptr<Call>& call) {
  std::optional<base::TimePoint> deadline;
  if (const auto text = metadata.find("grpc-timeout")) {
    const auto timeout = parse_timeout(*text);
    if (!timeout) return call->finish({Code::kInternal, "Error parsing 'grpc-timeout' metadata"});
    if (timeout->count() == 0) return call->finish(deadline_exceeded());
    deadline = options_.now() + *timeout;
  }
  auto handler = method.factory(call, metadata);
  if (handler) return call->open(std::move(handler), deadline);
  call->finish({Code::kInternal, "the method gave no handler"});
}

http::ResponseHead Router::on_headers_too_large(std::size_t size, std::size_t limit) {
  return trailers_only({Code::kResourceExhausted, "received metadata size exceeds hard limit (" +
                                                      std::to_string(size) + " vs. " +
                                                      std::to_string(limit) + ")"});
}

}  // namespace tfe::grpc
