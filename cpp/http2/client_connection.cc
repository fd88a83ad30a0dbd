#include "http2/client_connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tfe::http2 {
namespace {

constexpr std::size_t kReceiveBuffer = 64U << 10;

std::uint8_t* bytes_of(std::string_view text) {
  // The C API takes mutable pointers but only reads.
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t length,
                  std::uint32_t* flags, nghttp2_data_source* source, void*) {
  const auto left = static_cast<ClientConnection*>(source->ptr)->body_left(id);
  if (!left) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (*left <= length) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(std::min(length, *left));
}

}  // namespace

ClientConnection::ClientConnection(const Options& options, std::function<void()> on_gone)
    : options_(options),
      on_gone_(std::move(on_gone)),
      session_(*this, options_, Role::kClient),
      buffer_(kReceiveBuffer, '\0') {
  if (session_.get() == nullptr) {
    phase_ = Phase::kClosed;
  } else {
    session_.submit_settings();
  }
}

ClientConnection::~ClientConnection() {
  close();
  on_gone_();
}

std::optional<ClientConnection::Id> ClientConnection::request(
    std::span<const http::HeaderView> fields, base::Chain body,
    std::shared_ptr<ResponseReceiver> receiver) {
  if (!open()) return std::nullopt;
  std::vector<nghttp2_nv> names_and_values;
  names_and_values.reserve(fields.size());
  for (const auto& [name, value] : fields) {
    names_and_values.push_back(
        {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = &read_body};
  const std::int32_t id =
      nghttp2_submit_request(session_.get(), nullptr, names_and_values.data(),
                             names_and_values.size(), body.empty() ? nullptr : &provider, nullptr);
  if (id < 0) {  // all numbers of streams are used up, or memory is
    leave();
    return std::nullopt;
  }
  requests_.emplace(id, Request{std::move(receiver), std::move(body)});
  return id;
}

void ClientConnection::cancel(Id id) {
  if (requests_.erase(id) == 0 || phase_ == Phase::kClosed) return;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
}

std::optional<std::size_t> ClientConnection::body_left(Id id) {
  const Request* request = find(id);
  return request == nullptr ? std::nullopt : std::optional(request->body.size());
}

// --- Input ---------------------------------------------------------------------------------------

void ClientConnection::received(std::size_t count, base::TimePoint) {
  if (phase_ == Phase::kClosed) return;
  if (!session_.receive(base::as_bytes(std::string_view(buffer_).substr(0, count)))) close();
}

bool ClientConnection::on_header(const FrameInfo& frame, std::string_view name,
                                 std::string_view value) {
  if (const Request* request = find(frame.stream_id)) request->receiver->on_header(name, value);
  return true;
}

void ClientConnection::on_frame(const FrameInfo& frame) {
  if (frame.type == NGHTTP2_GOAWAY) return leave();
  Request* request = find(frame.stream_id);
  if (request == nullptr) return;
  const bool carries_end = frame.type == NGHTTP2_HEADERS || frame.type == NGHTTP2_DATA;
  if (carries_end && frame.has(NGHTTP2_FLAG_END_STREAM)) request->ended = true;
}

// Taken at once: what one answer may hold is bounded by its reader.
void ClientConnection::on_data(std::int32_t stream_id, base::Bytes data) {
  nghttp2_session_consume(session_.get(), stream_id, data.size());
  if (const Request* request = find(stream_id)) request->receiver->on_data(data);
}

// Streams above the last one of a GOAWAY are closed with REFUSED_STREAM too.
void ClientConnection::on_closed(std::int32_t stream_id, std::uint32_t error_code) {
  const auto found = requests_.extract(stream_id);
  if (found.empty()) return;
  const Request& request = found.mapped();
  if (request.ended) return request.receiver->on_end();
  request.receiver->on_lost(error_code == NGHTTP2_REFUSED_STREAM);
}

// --- Output --------------------------------------------------------------------------------------

base::Chain& ClientConnection::output(std::size_t budget) {
  budget_ = budget;
  while (phase_ != Phase::kClosed && writer_.size() < budget_) {
    base::Bytes frames;
    if (!session_.send(frames)) close();
    if (frames.empty()) break;
    writer_.copy(frames);
  }
  // After a violation by the peer: nghttp2 has said its GOAWAY and is done.
  if (phase_ != Phase::kClosed && nghttp2_session_want_read(session_.get()) == 0 &&
      nghttp2_session_want_write(session_.get()) == 0) {
    close();
  }
  writer_.flush();
  return writer_.chain();
}

SendVerdict ClientConnection::on_send_data(std::int32_t stream_id, base::Bytes frame_header,
                                           std::size_t size) {
  if (writer_.size() >= budget_) return SendVerdict::kNoRoom;
  Request* request = find(stream_id);
  if (request == nullptr || request->body.size() < size) return SendVerdict::kReset;
  writer_.copy(frame_header);
  writer_.append(request->body.split(size));
  return SendVerdict::kSent;
}

// --- The end -------------------------------------------------------------------------------------

ClientConnection::Request* ClientConnection::find(Id id) {
  const auto found = requests_.find(id);
  return found == requests_.end() ? nullptr : &found->second;
}

bool ClientConnection::finished() const {
  return phase_ == Phase::kClosed || (phase_ == Phase::kLeaving && requests_.empty());
}

void ClientConnection::leave() {
  if (phase_ == Phase::kOpen) phase_ = Phase::kLeaving;
}

void ClientConnection::close() {
  phase_ = Phase::kClosed;
  for (auto& [id, request] : std::exchange(requests_, {})) request.receiver->on_lost(false);
}

}  // namespace tfe::http2
