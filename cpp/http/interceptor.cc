#include "http/interceptor.h"

namespace tfe::http {

std::shared_ptr<RequestSink> Interceptor::run(std::shared_ptr<Interceptor> interceptor,
                                              Handler& next, const RequestHead& head) {
  interceptor->inner_ = next.on_request(head, *interceptor);
  return interceptor;
}

// Each of those that end the exchange makes the protocol drop this object.

void Interceptor::respond(ResponseHead head, base::Chain body) {
  const auto self = shared_from_this();
  response_head(head);
  response_body(body);
  end(End::kComplete);
  outer_->respond(std::move(head), std::move(body));
}

void Interceptor::start(ResponseHead head) {
  response_head(head);
  outer_->start(std::move(head));
}

void Interceptor::write(base::Chain piece) {
  response_body(piece);
  outer_->write(std::move(piece));
}

void Interceptor::finish(Trailers trailers) {
  const auto self = shared_from_this();
  response_trailers(trailers);
  end(End::kComplete);
  outer_->finish(std::move(trailers));
}

void Interceptor::abort(AbortReason reason) {
  const auto self = shared_from_this();
  end(End::kAbortedByHandler);
  outer_->abort(reason);
}

void Interceptor::on_body(base::Bytes piece) {
  request_body(piece);
  inner_->on_body(piece);
}

void Interceptor::on_abort() {
  const auto self = shared_from_this();
  end(End::kAbortedByPeer);
  inner_->on_abort();
}

void Interceptor::end(End how) {
  if (!std::exchange(ended_, true)) ended(how);
}

}  // namespace tfe::http
