// What the parts of the client share. One client object serves every call of a run.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "grpc_service.grpc.pb.h"

// What a call has brought, as JSON values by their names: its status, and whatever else is worth
// comparing.
using Outcome = std::map<std::string, std::string>;

std::string quoted(const std::string& text);
std::string quoted(const std::vector<std::string>& texts);
inline std::string truth(bool value) { return value ? "true" : "false"; }
Outcome of(const grpc::Status& status);

constexpr std::chrono::minutes kPatience{1};  // of calls that must succeed
constexpr std::int64_t kHourMs = 3'600'000;

// The numbers 0, 1, 2... as FP32.
inference::ModelInferRequest infer_request(const std::string& model, const std::string& id,
                                           std::int64_t count);
// Ended by cancellation only.
inference::ModelInferRequest slow_request();
// Answered `count` times by a decoupled model, each time after the interval.
inference::ModelInferRequest repeated(const std::string& id, std::int64_t count,
                                      std::int64_t interval_ms);

class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : triton_(inference::GRPCInferenceService::NewStub(channel)), generic_(channel) {}

  Outcome server_state();
  Outcome infer(const inference::ModelInferRequest& request,
                grpc_compression_algorithm compression = GRPC_COMPRESS_NONE);
  Outcome many();
  Outcome deadline();
  Outcome cancelled();
  Outcome stream();
  Outcome stream_deadline();
  Outcome stream_cancel();

 private:
  std::unique_ptr<inference::GRPCInferenceService::Stub> triton_;
  grpc::GenericStub generic_;
};
