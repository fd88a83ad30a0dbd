// An HTTP/2 server connection without its socket: nghttp2 does framing, HPACK, stream states and
// flow control (RFC 9113), this class gives requests to a Handler and enforces the limits of
// Options.
//
// On the connection's strand only; no clock of its own. The first bytes decide: nothing is sent
// before the client's preface begins to match, so that an HTTP/1 client gets a readable answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/protocol.h"
#include "http2/abuse_guard.h"
#include "http2/connection_age.h"
#include "http2/header_block.h"
#include "http2/keepalive.h"
#include "http2/options.h"
#include "http2/output_writer.h"
#include "http2/ping_strikes.h"
#include "http2/preface.h"
#include "http2/session.h"
#include "http2/stream.h"

namespace tfe::http2 {

class Connection final : public http::Protocol, private SessionEvents {
 public:
  // The handler outlives the connection; the strand is the one the connection runs on. `peer` is
  // what requests say of where they come from.
  Connection(http::Handler& handler, std::shared_ptr<http::Strand> strand, const Options& options,
             base::TimePoint now, std::string peer = {});
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  base::MutableBytes receive_buffer() override;
  void received(std::size_t count, base::TimePoint now) override;
  // A gRPC client never half-closes its connection, so the end of its side is its loss.
  void received_eof(base::TimePoint now) override;
  bool wants_read() const override { return phase_ != Phase::kClosed; }
  base::Chain& output(std::size_t budget) override;
  void sent(base::TimePoint now) override;
  bool finished() const override;
  bool idle() const override;
  std::size_t in_flight() const override { return streams_.size(); }
  void drain(base::TimePoint now) override;
  void give_up() override;
  void abort() override;
  std::optional<base::TimePoint> deadline() const override;
  void on_deadline(base::TimePoint now) override;

  // --- Called by Stream.
  nghttp2_session* session() const { return session_.get(); }
  const std::shared_ptr<http::Strand>& strand() const { return strand_; }
  const std::shared_ptr<std::atomic<std::size_t>>& counter() const { return counter_; }
  std::shared_ptr<void>& slot() { return slot_; }
  const Options& options() const { return options_; }
  // Room on the connection for a stream whose window is now that large, and for another.
  void widen(std::size_t stream_window);
  // The application has taken (or will never take) this much of a request body.
  void consumed(std::int32_t stream_id, std::size_t size);
  // Body that a paused stream holds: true if the connection's credit for it is returned at once.
  bool prepay(std::size_t size);
  // The application has taken body that was prepaid.
  void settle_prepaid(std::int32_t stream_id, std::size_t size);
  void pending_changed(std::size_t less, std::size_t more);
  // Runs the task on the strand unless the stream is gone by then.
  void later(std::int32_t stream_id, std::function<void(Stream&)> task);

 private:
  //  kPreface --> kOpen --drain()--> kNotice --(PING answered)--> kDraining --> kClosed
  //     |           +---------(GOAWAY of the peer)-----------------^              ^
  //     +--(not HTTP/2, lost, limits broken: from every phase)--------------------+
  enum class Phase : std::uint8_t { kPreface, kOpen, kNotice, kDraining, kClosed };
  using Due = std::optional<base::TimePoint>;

  void on_frame_begin(const FrameInfo& frame) override;
  void on_headers_begin(const FrameInfo& frame) override;
  bool on_header(const FrameInfo& frame, std::string_view name, std::string_view value) override;
  void on_frame(const FrameInfo& frame) override;
  void on_invalid_frame(const FrameInfo& frame, bool refused) override;
  void on_data(std::int32_t stream_id, base::Bytes data) override;
  void on_closed(std::int32_t stream_id, std::uint32_t error_code) override;
  void on_sent(const FrameInfo& frame) override;
  SendVerdict on_send_data(std::int32_t stream_id, base::Bytes frame_header,
                           std::size_t size) override;

  base::Bytes sniff(base::Bytes bytes);
  void open_stream(const FrameInfo& frame);
  bool must_refuse();
  void refuse(std::int32_t stream_id, std::uint32_t code);
  void report_refused(const FrameInfo& frame, int status);
  void begin_block_frame(const FrameInfo& frame);
  Stream* find(std::int32_t stream_id) const;
  void remove(Stream& stream);
  void lose(Stream& stream);
  void receive_ping();
  void count(AbuseGuard::Event event);
  void go_away(std::uint32_t code);
  void settle();
  void close();
  void send_ping();
  void on_pong();
  void say_goodbye();
  void end_notice();
  void check_keepalive();
  bool stalled(base::TimePoint now) const;
  Due preface_due() const;
  Due idle_due() const;
  Due stall_due() const;
  Due notice_due() const;

  http::Handler& handler_;
  std::shared_ptr<http::Strand> strand_;
  const std::string peer_;
  const Options options_;
  base::TimePoint now_;
  base::TimePoint headers_at_;  // the header block being received began
  Phase phase_ = Phase::kPreface;
  PrefaceSniffer sniffer_;
  Session session_;
  AbuseGuard guard_;
  Keepalive keepalive_;
  PingStrikes strikes_;
  ConnectionAge age_;
  HeaderBlock headers_;
  std::int32_t headers_of_ = 0;  // the stream whose block that is
  std::size_t block_size_ = 0;   // of the block as sent
  std::vector<std::unique_ptr<Stream>> streams_;
  // Of requests that the peer reset, what shows that they are still worked on.
  std::vector<std::weak_ptr<const void>> abandoned_;
  std::shared_ptr<std::atomic<std::size_t>> counter_;
  std::shared_ptr<void> slot_;   // the application's
  std::shared_ptr<bool> alive_;  // false once destroyed, for tasks that come later
  std::string buffer_;
  OutputWriter writer_;
  std::size_t window_;  // of the connection, as granted
  std::size_t budget_ = 0;
  std::size_t held_ = 0;     // prepaid body of paused streams
  bool starved_ = false;     // some of it could not be prepaid
  std::size_t pending_ = 0;  // response bytes held by streams
  std::size_t offered_ = 0;  // output that the transport had to send when it was last asked
  std::vector<std::int32_t> progressed_;
  bool draining_ = false;    // drain() was called: sinks are told
  bool calmed_ = false;      // a GOAWAY for too many pings is on its way
  bool error_sent_ = false;  // GOAWAY with an error code left: nothing is read or said any more
  base::TimePoint accepted_at_;
  base::TimePoint idle_since_;
  base::TimePoint progress_at_;
  base::TimePoint notice_at_;
  std::uint64_t pings_sent_ = 0;
  std::uint64_t pings_answered_ = 0;
  std::uint64_t notice_ping_ = 0;  // the ping whose answer ends kNotice
};

}  // namespace tfe::http2
