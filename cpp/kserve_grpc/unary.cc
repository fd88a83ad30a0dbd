#include "kserve_grpc/unary.h"

#include <atomic>
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

// A method that waits for others, and how.
struct Blocking {
  LaterMethod method;
  BlockingResources resources;
  Lane lane;
};

class BlockingHandler final : public grpc::UnaryHandler {
 public:
  BlockingHandler(std::shared_ptr<grpc::Call> call, std::shared_ptr<const Blocking> what)
      : UnaryHandler(std::move(call)), what_(std::move(what)) {}

  void on_cancel() override { cancelled_->store(true, std::memory_order_relaxed); }

 private:
  void on_request(grpc::Message message) override {
    auto ticket = what_->resources.admission.admit_body(message.bytes.size());
    if (!ticket) return call().finish(grpc::to_status(std::move(ticket.error())));
    auto submitted = what_->resources.executor.submit(
        [call = shared_call(), what = what_, cancelled = cancelled_, message = std::move(message),
         ticket = std::move(*ticket)]() mutable {
          if (cancelled->load(std::memory_order_relaxed)) return;
          const base::Bytes bytes = message.bytes;
          what->method(bytes, [call = std::move(call), message = std::move(message),
                               ticket = std::move(ticket)](auto response) mutable {
            // Before the client hears of the end: its next request must find room.
            message = {};
            ticket = {};
            const auto strand = call->strand();
            strand->post(
                [call = std::move(call), response = std::move(response)]() mutable {
                  answer(*call, std::move(response));
                },
                http::Strand::Where::kLoop);
          });
        },
        what_->lane);
    if (!submitted) call().finish(grpc::to_status(std::move(submitted.error())));
  }

  const std::shared_ptr<const Blocking> what_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

void add_quick(grpc::Router& router, std::string path, UnaryMethod method) {
  router.add(std::move(path), [method = std::move(method)](const std::shared_ptr<grpc::Call>& call,
                                                           const grpc::Metadata&) {
    return std::make_shared<QuickHandler>(call, method);
  });
}

void add_blocking(grpc::Router& router, std::string path, UnaryMethod method,
                  const BlockingResources& resources, Lane lane) {
  add_later(
      router, std::move(path),
      [method = std::move(method)](base::Bytes request, Respond respond) {
        respond(method(request));
      },
      resources, lane);
}

void add_later(grpc::Router& router, std::string path, LaterMethod method,
               const BlockingResources& resources, Lane lane) {
  const auto what = std::make_shared<const Blocking>(std::move(method), resources, lane);
  router.add(std::move(path),
             [what](const std::shared_ptr<grpc::Call>& call, const grpc::Metadata&) {
               return std::make_shared<BlockingHandler>(call, what);
             });
}

base::Error unparsable() { return {base::Code::kInternal, "Unable to parse request"}; }

base::Status check_name(std::string_view field, std::string_view name) {
  if (!name.contains('\0')) return {};
  return base::fail(base::Code::kInvalidArgument,
                    std::string(field) + " must not contain a NUL byte");
}

}  // namespace tfe::kserve_grpc
