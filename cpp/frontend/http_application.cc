#include "frontend/http_application.h"

#include "frontend/listening.h"
#include "frontend/other_servers.h"
#include "http/cors.h"
#include "kserve/access_policy.h"
#include "kserve/admission.h"
#include "server/protocol_chooser.h"

namespace tfe::frontend {

base::Result<kserve_http::Context> make_context(std::shared_ptr<triton::Server> server,
                                                Threads& threads, const Service& service,
                                                const Endpoint& endpoint) {
  if (auto started = threads.started(); !started) return std::unexpected(started.error());
  auto access = kserve::AccessPolicy::parse(service.restricted_api);
  if (!access) return std::unexpected(std::move(access).error());
  auto others = other_servers(endpoint);
  if (!others) return std::unexpected(std::move(others).error());
  kserve_http::Options options;
  options.max_input_size = service.max_input_size;
  options.max_data_depth = service.max_data_depth;
  options.max_tensors = service.max_tensors;
  options.max_parameters = service.max_parameters;
  options.allow_client_shm = service.allow_client_shm;
  options.min_compress_size = service.min_compress_size;
  options.compression_level = service.compression_level;
  options.max_stream_backlog = service.max_stream_backlog;
  kserve::Inference inference(server, service.allow_client_shm, *std::move(others));
  return kserve_http::Context{.server = std::move(server),
                              .inference = std::move(inference),
                              .executor = threads.control,
                              .options = options,
                              .access = *std::move(access),
                              .admission = kserve::Admission(service.admission),
                              .workers = threads.codec};
}

NewFrontend listen_http(std::string label, std::shared_ptr<triton::Server> server,
                        std::shared_ptr<http::Handler> handler, const Endpoint& endpoint,
                        const Http& http, std::optional<GrpcApplication> grpc) {
  if (!http.cors_allow_origins.empty()) {
    const http::CorsOptions cors{.allow_origins = http.cors_allow_origins};
    if (auto status = http::check_cors(cors); !status) return std::unexpected(status.error());
    handler = std::make_shared<http::Cors>(std::move(handler), cors);
  }
  server::ProtocolOptions protocols;
  protocols.protocols = server::Protocols::kHttp1;
  protocols.http1.limits = http.limits;
  auto on_error = error_log(std::move(server), label);
  Listening listening{.label = std::move(label),
                      .handler = std::move(handler),
                      .protocols = std::move(protocols),
                      .alpn = {"http/1.1"},
                      .on_error = std::move(on_error)};
  if (grpc) {
    listening.protocols.protocols = server::Protocols::kBoth;
    listening.protocols.http2 = std::move(grpc->http2);
    listening.forwarder = std::move(grpc->forwarder);
    // A silent client is idle, whatever it will speak.
    listening.protocols.first_byte_timeout =
        http.limits.idle_timeout.count() > 0 ? http.limits.idle_timeout : std::chrono::years(1);
    listening.http2_handler = std::move(grpc->handler);
    // Last: whoever can speak both wants HTTP, clients of gRPC offer h2 alone.
    listening.alpn.emplace_back("h2");
  }
  return make_frontend(std::move(listening), endpoint);
}

}  // namespace tfe::frontend
