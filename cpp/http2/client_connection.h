// An HTTP/2 connection without its socket, seen from its client: requests of our own to another
// server of ours. There is no defence against the peer but what nghttp2 checks.
//
// On the connection's strand only. Requests and their receivers go with the connection: a receiver
// hears either on_end() or on_lost(), once, unless its request was cancelled.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "http/exchange.h"
#include "http/protocol.h"
#include "http2/options.h"
#include "http2/output_writer.h"
#include "http2/session.h"

namespace tfe::http2 {

class ResponseReceiver {
 public:
  virtual ~ResponseReceiver() = default;
  // Of the head and of the trailers, ":status" included.
  virtual void on_header(std::string_view name, std::string_view value) = 0;
  virtual void on_data(base::Bytes data) = 0;
  virtual void on_end() = 0;
  // No more will come. `untouched`: the server has not looked at the request (RFC 9113 section
  // 8.7), so that it may be sent elsewhere.
  virtual void on_lost(bool untouched) = 0;
};

class ClientConnection final : public http::Protocol, private SessionEvents {
 public:
  using Id = std::int32_t;

  // `on_gone` is called in the destructor.
  ClientConnection(const Options& options, std::function<void()> on_gone);
  ~ClientConnection() override;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // False once the server has said goodbye, or the connection is draining or broken: no further
  // request is taken.
  bool open() const { return phase_ == Phase::kOpen; }
  // `fields`: pseudo-headers first, names in lower case. Nothing if the connection is not open().
  std::optional<Id> request(std::span<const http::HeaderView> fields, base::Chain body,
                            std::shared_ptr<ResponseReceiver> receiver);
  // Its receiver hears nothing more. Ids of requests that are over are ignored.
  void cancel(Id id);

  // For the session's data source: body that is left to send, nothing if the request is over.
  std::optional<std::size_t> body_left(Id id);

  base::MutableBytes receive_buffer() override {
    return std::as_writable_bytes(std::span(buffer_));
  }
  void received(std::size_t count, base::TimePoint now) override;
  void received_eof(base::TimePoint) override { close(); }
  bool wants_read() const override { return phase_ != Phase::kClosed; }
  base::Chain& output(std::size_t budget) override;
  void sent(base::TimePoint) override {}
  bool finished() const override;
  bool idle() const override { return requests_.empty() && writer_.size() == 0; }
  // They are in flight where they came from.
  std::size_t in_flight() const override { return 0; }
  void drain(base::TimePoint) override { leave(); }
  void abort() override { close(); }
  std::optional<base::TimePoint> deadline() const override { return std::nullopt; }
  void on_deadline(base::TimePoint) override {}

 private:
  //  kOpen --drain(), GOAWAY--> kLeaving --last request over--> finished
  //    +---------- end of the connection ----------> kClosed
  enum class Phase : std::uint8_t { kOpen, kLeaving, kClosed };
  struct Request {
    std::shared_ptr<ResponseReceiver> receiver;
    base::Chain body;
    bool ended = false;  // the response is complete
  };

  void on_frame_begin(const FrameInfo&) override {}
  void on_headers_begin(const FrameInfo&) override {}
  bool on_header(const FrameInfo& frame, std::string_view name, std::string_view value) override;
  void on_frame(const FrameInfo& frame) override;
  void on_invalid_frame(const FrameInfo&, bool) override {}
  void on_data(std::int32_t stream_id, base::Bytes data) override;
  void on_closed(std::int32_t stream_id, std::uint32_t error_code) override;
  void on_sent(const FrameInfo&) override {}
  SendVerdict on_send_data(std::int32_t stream_id, base::Bytes frame_header,
                           std::size_t size) override;

  Request* find(Id id);
  void leave();
  void close();

  const Options options_;
  const std::function<void()> on_gone_;
  Phase phase_ = Phase::kOpen;
  Session session_;
  std::unordered_map<Id, Request> requests_;
  std::string buffer_;
  OutputWriter writer_;
  std::size_t budget_ = 0;
};

}  // namespace tfe::http2
