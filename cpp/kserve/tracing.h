// Tracing of one inference server, as Triton's trace extension: settings for all models and for
// single ones, and the sampling of requests. Shared by all frontends of the server (extensions.h).
//
// A request is sampled while the levels of its model are not OFF: every rate-th one, until count
// have been; with TraceSettings::parent_based also each one whose client asks for it. What was seen
// of it goes to the trace file when its last holder lets go; see trace_file.h for the format.
//
// Thread rule: any thread. sample() is on the path of every inference: a load of one atomic while
// tracing is off. Nothing here writes files but the thread of trace_writer.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "kserve/trace_context.h"
#include "kserve/trace_settings.h"
#include "triton/library.h"
#include "triton/server.h"
#include "triton/trace.h"

namespace tfe::kserve {

// One sampled request. Every path of a request may just drop it: what was sent to the core reports
// on, anything else ends with what was marked so far.
class RequestTrace {
 public:
  virtual ~RequestTrace() = default;
  // An activity of the frontend ("HTTP_RECV_START", ...; a literal). Any thread.
  virtual void mark(std::string_view activity, base::TimePoint when) = 0;
  void mark(std::string_view activity) { mark(activity, base::Clock::now()); }
  // The core's side, once, for the request that is about to be sent; Inference calls it.
  virtual std::optional<triton::Trace> take_core_trace() = 0;
};

// Marks an activity when it is destroyed: as the owner of the last segment of a response, the
// moment when the socket has taken its last byte.
base::Owner mark_at_end(std::shared_ptr<RequestTrace> trace, std::string_view activity,
                        base::Owner also = nullptr);
// The same for a whole answer; one without bytes is marked at once.
base::Chain mark_when_sent(base::Chain answer, std::shared_ptr<RequestTrace> trace,
                           std::string_view activity);

class TraceFile;
class TraceSetting;

class Tracing {
 public:
  explicit Tracing(const triton::Library& library);
  // Writes what is left, waiting a moment for it.
  ~Tracing();

  // What the server was started with; global settings that a client clears return to it.
  // kInvalidArgument if the levels are not OFF and the settings cannot be used.
  base::Status configure(const TraceSettings& settings);

  // Whether any request could be sampled.
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  // Null for a request that is not traced.
  std::shared_ptr<RequestTrace> sample(const std::string& model, const TraceContext& context = {});

  // In force for a model, or in general (no model). trace_count is what is left of it.
  TraceSettings settings(const std::string& model = {}) const;
  // Changes all the settings that are given, or none; answers what is then in force. Models follow
  // the general settings in what was not set for them. kInvalidArgument "Attempting to set invalid
  // trace setting :<reason>". Traces of requests that were sampled before go where they would have
  // gone; what is complete has been written on return, unless the disk is very slow.
  base::Result<TraceSettings> update(const std::string& model, const TraceUpdate& update);

 private:
  using Setting = std::shared_ptr<TraceSetting>;
  struct Model {
    TraceUpdate own;  // what was set for it
    Setting setting;
  };
  // Settings that were replaced: they end their files, so they go after the lock.
  using Replaced = std::vector<Setting>;

  const Setting& find(const std::string& model) const;
  base::Status update_global(const TraceUpdate& update, Replaced& replaced);
  base::Status update_model(const std::string& model, const TraceUpdate& update,
                            Replaced& replaced);
  void replace(Setting& setting, const TraceSettings& values, Replaced& replaced);
  void refresh_enabled();
  bool file_in_use() const;

  const triton::Library& library_;
  std::atomic<bool> enabled_ = false;
  mutable std::mutex mutex_;
  TraceSettings startup_;
  std::shared_ptr<TraceFile> file_;
  Setting global_;
  std::map<std::string, Model, std::less<>> models_;
};

// Settings belong to models that are there: kInvalidArgument "Request for unknown model : <m>", or
// kUnavailable from a server that has stopped.
base::Status check_traced_model(const triton::Server& server, const std::string& model);

}  // namespace tfe::kserve
