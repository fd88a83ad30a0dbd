// ModelStreamInfer, written and read by one thread.
#include "client.h"

namespace {

using Stream =
    grpc::ClientReaderWriter<inference::ModelInferRequest, inference::ModelStreamInferResponse>;
using Lines = std::vector<std::string>;

// What a response is.
std::string line(const inference::ModelStreamInferResponse& response) {
  if (!response.error_message().empty()) return "error " + response.error_message();
  const auto& answer = response.infer_response();
  return answer.model_name() + " " + answer.id() + " " +
         std::to_string(answer.raw_output_contents_size());
}

bool exchange(Stream& stream, const inference::ModelInferRequest& request, Lines& lines) {
  inference::ModelStreamInferResponse response;
  if (!stream.Write(request) || !stream.Read(&response)) return false;
  lines.push_back(line(response));
  return true;
}

// Reads to the end.
Outcome rest(Stream& stream, Lines lines) {
  inference::ModelStreamInferResponse response;
  while (stream.Read(&response)) lines.push_back(line(response));
  Outcome outcome = of(stream.Finish());
  outcome["lines"] = quoted(lines);
  return outcome;
}

// A stream that has been answered once and will not be again, nor end.
Lines make_endless(Stream& stream) {
  Lines lines;
  if (exchange(stream, repeated("e", 1, 0), lines)) stream.Write(repeated("f", 1, kHourMs));
  return lines;
}

}  // namespace

// Waits for each answer before the next request, and at last only for the end.
Outcome Client::stream() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stream = triton_->ModelStreamInfer(&context);
  Lines lines;
  for (const char* model : {"identity_fp32", "none", "identity_fp32"}) {
    if (!exchange(*stream, infer_request(model, "s", 2), lines)) return of(stream->Finish());
  }
  for (const char* id : {"r", "t"}) {
    if (!stream->Write(repeated(id, 2, 0))) return of(stream->Finish());
  }
  if (!stream->WritesDone()) return of(stream->Finish());
  return rest(*stream, std::move(lines));
}

Outcome Client::stream_deadline() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  const auto stream = triton_->ModelStreamInfer(&context);
  return rest(*stream, make_endless(*stream));
}

Outcome Client::stream_cancel() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stream = triton_->ModelStreamInfer(&context);
  Lines lines = make_endless(*stream);
  context.TryCancel();
  return rest(*stream, std::move(lines));
}
