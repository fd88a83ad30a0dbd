#include "frontend/listening.h"

#include <utility>

#include "http/access_log.h"
#include "net/line_writer.h"
#include "net/tls_context.h"

namespace tfe::frontend {
namespace {

using base::Result;

// Null for none.
Result<std::shared_ptr<net::LineWriter>> open_access_log(const Endpoint& endpoint,
                                                         const ErrorLog& on_error) {
  if (endpoint.access_log.empty()) return nullptr;
  auto opened = net::LineWriter::open({.path = endpoint.access_log,
                                       .dropped_line = http::AccessLog::dropped_line,
                                       .on_error = on_error,
                                       .thread_name = "tfe-access-log"});
  if (!opened) {
    return base::fail(opened.error().code, "access_log: " + opened.error().message);
  }
  return std::shared_ptr<net::LineWriter>(*std::move(opened));
}

std::shared_ptr<RequestCounter> count_and_log(std::shared_ptr<http::Handler> handler,
                                              const std::shared_ptr<net::LineWriter>& log) {
  if (log) {
    handler = std::make_shared<http::AccessLog>(std::move(handler),
                                                [log](std::string_view line) { log->write(line); });
  }
  return std::make_shared<RequestCounter>(std::move(handler));
}

Result<std::shared_ptr<net::TlsContext>> make_tls(const Tls& tls, std::vector<std::string> alpn,
                                                  const ErrorLog& on_error) {
  if (!tls.enabled) return nullptr;
  return net::TlsContext::create({.certificate_chain = tls.certificate_chain,
                                  .private_key = tls.private_key,
                                  .client_ca = tls.client_ca,
                                  .require_client_certificate = tls.require_client_certificate,
                                  .minimum_version = tls.only_1_3 ? net::TlsOptions::Version::k13
                                                                  : net::TlsOptions::Version::k12,
                                  .alpn = std::move(alpn)},
                                 on_error);
}

}  // namespace

Result<std::unique_ptr<Frontend>> make_frontend(Listening listening, const Endpoint& endpoint) {
  auto tls = make_tls(endpoint.tls, std::move(listening.alpn), listening.on_error);
  if (!tls) return std::unexpected(std::move(tls).error());
  const auto log = open_access_log(endpoint, listening.on_error);
  if (!log) return std::unexpected(log.error());
  std::vector handlers{count_and_log(std::move(listening.handler), *log)};
  if (listening.http2_handler) {
    handlers.push_back(count_and_log(std::move(listening.http2_handler), *log));
  }
  auto factory = server::make_protocol_factory({*handlers.front(), *handlers.back()},
                                               std::move(listening.protocols));
  return std::make_unique<Frontend>(Application{.label = std::move(listening.label),
                                                .handlers = std::move(handlers),
                                                .factory = std::move(factory),
                                                .tls = *std::move(tls),
                                                .forwarder = std::move(listening.forwarder),
                                                .on_error = std::move(listening.on_error)},
                                    endpoint);
}

}  // namespace tfe::frontend
