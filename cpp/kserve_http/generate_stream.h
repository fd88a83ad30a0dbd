// POST /v2/models/<model>/generate_stream: every response of an inference as a server-sent event,
// sent at once. The first event fixes the status; errors are events too, so that a client sees why
// a stream ended.
//
// Back-pressure: a response is encoded on the thread of the core that delivers it and queued for
// the client. That thread never waits: in backends for language models one thread delivers the
// responses of all requests, so one slow client would hold up every other. A stream of which more
// than Options::max_stream_backlog bytes wait is ended instead: its inference is cancelled, the
// client gets what was produced so far and then an event that says so. No response is ever left out
// of the middle. The write timeout of the connection ends the streams of clients that read nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "kserve_http/generate_sink.h"

namespace tfe::kserve_http {

class GenerateStream final : public GenerateSink {
 public:
  // As InferCall::start.
  static std::shared_ptr<http::RequestSink> start(const InferenceStart& start) {
    return start_generate<GenerateStream>(start);
  }

  using GenerateSink::GenerateSink;

  void on_event(kserve::InferEvent event) override;
  void on_writable() override;

 protected:
  void on_report() override;

 private:
  struct Piece {
    int status = 200;
    std::string text;  // empty: nothing to send
    bool last = false;
  };

  Piece encode(const kserve::InferEvent& event) const;
  void queue(Piece piece);
  void overflow();
  void take(Piece piece);
  void flush();
  void note_unsent();

  // Bytes of events on their way to the strand, and of those that wait there or in the connection.
  std::atomic<std::size_t> queued_ = 0;
  std::atomic<std::size_t> unsent_ = 0;
  std::atomic<bool> overflowed_ = false;

  // On the strand only.
  int status_ = 200;       // of the first event
  bool any_ = false;       // an event has come
  bool started_ = false;   // the head was sent
  bool complete_ = false;  // the last event has come
  base::Chain waiting_;    // events that wait for the head
};

}  // namespace tfe::kserve_http
