// Unary calls: with a thread that waits, without one (many at once), and of a method whose messages
// the client does not know (health).
#include <condition_variable>
#include <mutex>
#include <thread>

#include "client.h"

namespace {

constexpr int kParallel = 100;

void be_patient(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
}

bool mirrored(const inference::ModelInferRequest& request,
              const inference::ModelInferResponse& response) {
  return response.raw_output_contents_size() == 1 &&
         response.raw_output_contents(0) == request.raw_input_contents(0);
}

// The health service answers with a message whose field 1 is the state.
int health_state(const grpc::ByteBuffer& answer) {
  grpc::Slice slice;
  if (!answer.DumpToSingleSlice(&slice).ok() || slice.size() != 2 || slice.begin()[0] != 8) {
    return -1;
  }
  return slice.begin()[1];
}

// A call that is made by UnaryCall() and waited for elsewhere.
struct Pending {
  grpc::ClientContext context;
  inference::ModelInferRequest request;
  inference::ModelInferResponse response;
};

}  // namespace

Outcome Client::server_state() {
  inference::ServerLiveResponse live;
  inference::ServerReadyResponse ready;
  grpc::ClientContext first, second, third;
  for (auto* context : {&first, &second, &third}) be_patient(*context);
  auto status = triton_->ServerLive(&first, {}, &live);
  if (status.ok()) status = triton_->ServerReady(&second, {}, &ready);
  if (!status.ok()) return of(status);
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  const grpc::ByteBuffer nothing(nullptr, 0);
  grpc::ByteBuffer answer;
  generic_.UnaryCall(&third, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &nothing, &answer,
                     [&](const grpc::Status& got) {
                       const std::lock_guard lock(mutex);
                       status = got;
                       done = true;
                       changed.notify_one();
                     });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done; });
  Outcome outcome = of(status);
  outcome["live"] = truth(live.live());
  outcome["ready"] = truth(ready.ready());
  outcome["health"] = std::to_string(health_state(answer));
  return outcome;
}

Outcome Client::infer(const inference::ModelInferRequest& request,
                      grpc_compression_algorithm compression) {
  grpc::ClientContext context;
  be_patient(context);
  context.set_compression_algorithm(compression);
  inference::ModelInferResponse response;
  const auto status = triton_->ModelInfer(&context, request, &response);
  Outcome outcome = of(status);
  if (!status.ok()) return outcome;
  outcome["id"] = quoted(response.id());
  outcome["shape"] = "[" + std::to_string(response.outputs(0).shape(0)) + "]";
  outcome["same"] = truth(mirrored(request, response));
  return outcome;
}

Outcome Client::many() {
  std::mutex mutex;
  std::condition_variable changed;
  int left = kParallel;
  int good = 0;
  std::vector<std::unique_ptr<Pending>> calls;
  for (int i = 0; i < kParallel; ++i) {
    calls.push_back(std::make_unique<Pending>());
    Pending& call = *calls.back();
    be_patient(call.context);
    call.request = infer_request("identity_fp32", std::to_string(i), 1);
    triton_->async()->ModelInfer(&call.context, &call.request, &call.response,
                                 [&](const grpc::Status& status) {
                                   const std::lock_guard lock(mutex);
                                   if (status.ok() && mirrored(call.request, call.response)) ++good;
                                   if (--left == 0) changed.notify_one();
                                 });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return left == 0; });
  return {{"good", std::to_string(good)}};
}

Outcome Client::deadline() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  inference::ModelInferResponse response;
  return of(triton_->ModelInfer(&context, slow_request(), &response));
}

Outcome Client::cancelled() {
  grpc::ClientContext context;
  be_patient(context);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    context.TryCancel();
  });
  inference::ModelInferResponse response;
  const auto status = triton_->ModelInfer(&context, slow_request(), &response);
  later.join();
  return of(status);
}
