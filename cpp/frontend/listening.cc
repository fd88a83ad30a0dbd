#include "frontend/listening.h"

#include <utility>

#include "http/access_log.h"
#include "net/line_writer.h"
#include "net/tls_context.h"

namespace tfe::frontend {
namespace {

using base::Result;

Result<std::shared_ptr<http::Handler>> add_access_log(std::shared_ptr<http::Handler> handler,
                                                      const Endpoint& endpoint,
                                                      const ErrorLog& on_error) {
  if (endpoint.access_log.empty()) return handler;
  auto opened = net::LineWriter::open({.path = endpoint.access_log,
                                       .dropped_line = http::AccessLog::dropped_line,
                                       .on_error = on_error,
                                       .thread_name = "tfe-access-log"});
  if (!opened) {
    return base::fail(opened.error().code, "access_log: " + opened.error().message);
  }
  std::shared_ptr<net::LineWriter> writer = *std::move(opened);
  return std::make_shared<http::AccessLog>(
      std::move(handler),
      [writer = std::move(writer)](std::string_view line) { writer->write(line); });
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
  auto logged = add_access_log(std::move(listening.handler), endpoint, listening.on_error);
  if (!logged) return std::unexpected(std::move(logged).error());
  auto counter = std::make_shared<RequestCounter>(*std::move(logged));
  auto factory = server::make_protocol_factory(*counter, std::move(listening.protocols));
  return std::make_unique<Frontend>(Application{.label = std::move(listening.label),
                                                .handler = std::move(counter),
                                                .factory = std::move(factory),
                                                .tls = *std::move(tls),
                                                .on_error = std::move(listening.on_error)},
                                    endpoint);
}

}  // namespace tfe::frontend
