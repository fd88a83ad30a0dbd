#include "kserve_grpc/unary.h"

#include <memory>
#include <utility>

namespace tfe::kserve_grpc {
namespace {

void answer(grpc::Call& call, base::Result<std::string> response) {
  if (response) return call.reply(base::Chain::of(std::move(*response)));
  call.finish(grpc::to_status(std::move(response.error())));
}

class QuickHandler final : public grpc::UnaryHandler {
 public:
  QuickHandler(std::shared_ptr<grpc::Call> call, const UnaryMethod& method)
      : UnaryHandler(std::move(call)), method_(method) {}

 private:
  void on_request(grpc::Message message) override { answer(call(), method_(message.bytes)); }

  const UnaryMethod& method_;
};

class BlockingHandler final : public grpc::UnaryHandler {
 public:
  BlockingHandler(std::shared_ptr<grpc::Call> call, std::shared_ptr<const UnaryMethod> method,
                  kserve::Executor& executor)
      : UnaryHandler(std::move(call)), method_(std::move(method)), executor_(executor) {}

 private:
  void on_request(grpc::Message message) override {
    auto submitted = executor_.submit(
        [call = shared_call(), method = method_, message = std::move(message)]() mutable {
          auto response = (*method)(message.bytes);
          const auto strand = call->strand();
          strand->post(
              [call = std::move(call), response = std::move(response)]() mutable {
                answer(*call, std::move(response));
              },
              http::Strand::Where::kLoop);
        });
    if (!submitted) call().finish(grpc::to_status(std::move(submitted.error())));
  }

  std::shared_ptr<const UnaryMethod> method_;
  kserve::Executor& executor_;
};

}  // namespace

void add_quick(grpc::Router& router, std::string path, UnaryMethod method) {
  router.add(std::move(path), [method = std::move(method)](const std::shared_ptr<grpc::Call>& call,
                                                           const grpc::Metadata&) {
    return std::make_shared<QuickHandler>(call, method);
  });
}

void add_blocking(grpc::Router& router, std::string path, UnaryMethod method,
                  kserve::Executor& executor) {
  auto shared = std::make_shared<const UnaryMethod>(std::move(method));
  router.add(std::move(path),
             [shared, &executor](const std::shared_ptr<grpc::Call>& call, const grpc::Metadata&) {
               return std::make_shared<BlockingHandler>(call, shared, executor);
             });
}

base::Error unparsable() { return {base::Code::kInternal, "Unable to parse request"}; }

}  // namespace tfe::kserve_grpc
