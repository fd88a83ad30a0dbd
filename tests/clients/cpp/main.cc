// A client on the C++ library of gRPC: one JSON object with what its calls brought, by their names.
// The client in ../go makes the same calls; what they must bring is in
// test_grpc_compiled_clients.py. Arguments are pairs:
//
//   --target   host:port or unix:path
//   --ca       PEM file of the authority; none: no TLS
//   --cert     PEM file of the client's certificate
//   --key      and of its key
//   --name     of the server's certificate
#include <fstream>
#include <iostream>
#include <sstream>

#include "client.h"

namespace {

constexpr std::int64_t kLarge = (6 << 20) / 4;  // FP32, above the 4 MiB that clients take at first

std::string contents(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<grpc::Channel> dial(std::map<std::string, std::string> options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  if (options["--ca"].empty()) {
    return grpc::CreateCustomChannel(options["--target"], grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  arguments.SetSslTargetNameOverride(options["--name"]);
  grpc::SslCredentialsOptions files{contents(options["--ca"]), contents(options["--key"]),
                                    contents(options["--cert"])};
  return grpc::CreateCustomChannel(options["--target"], grpc::SslCredentials(files), arguments);
}

void print(const std::vector<std::pair<std::string, Outcome>>& results) {
  std::string json = "{";
  for (const auto& [name, outcome] : results) {
    json += (json.size() > 1 ? "," : "") + quoted(name) + ":{";
    bool first = true;
    for (const auto& [key, value] : outcome) {
      json += (first ? "" : ",") + quoted(key) + ":" + value;
      first = false;
    }
    json += "}";
  }
  std::cout << json << "}" << std::endl;
}

}  // namespace

int main(int count, char** words) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < count; i += 2) options[words[i]] = words[i + 1];
  Client client(dial(options));
  const auto large = infer_request("identity_fp32", "l", kLarge);
  print({
      {"state", client.server_state()},
      {"infer", client.infer(infer_request("identity_fp32", "a", 3))},
      {"error", client.infer(infer_request("none", "", 1))},
      {"many", client.many()},
      {"large", client.infer(large)},
      {"gzip", client.infer(large, GRPC_COMPRESS_GZIP)},
      {"deadline", client.deadline()},
      {"cancelled", client.cancelled()},
      {"stream", client.stream()},
      {"stream_deadline", client.stream_deadline()},
      {"stream_cancel", client.stream_cancel()},
      {"after", client.infer(infer_request("identity_fp32", "b", 1))},
  });
}
