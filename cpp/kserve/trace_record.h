// What is seen of one sampled request, by the frontend and by the core, until both have let go of
// it; then it goes to the writer.
//
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "kserve/trace_format.h"
#include "kserve/trace_writer.h"
#include "kserve/tracing.h"
#include "triton/trace.h"

namespace tfe::kserve {

// Values in force, how many requests were seen under them, and where their traces go. Replaced as a
// whole when a value changes; requests that were sampled before keep theirs.
class TraceSetting {
 public:
  TraceSetting(TraceSettings values, std::shared_ptr<TraceFile> file);
  // The last request is recorded: ends the stream.
  ~TraceSetting();
  TraceSetting(const TraceSetting&) = delete;
  TraceSetting& operator=(const TraceSetting&) = delete;

  // With what is left of the count.
  TraceSettings values() const;
  std::uint32_t levels() const { return values_.levels; }
  bool parent_based() const { return values_.parent_based; }
  // Counts a request and says whether it is one to trace.
  bool take();
  const std::shared_ptr<TraceStream>& stream() const { return stream_; }

 private:
  const TraceSettings values_;
  std::atomic<std::uint32_t> seen_ = 0;
  std::atomic<std::int32_t> left_;
  std::shared_ptr<TraceStream> stream_;
};

class TraceRecord final : public triton::TraceObserver {
 public:
  TraceRecord(std::shared_ptr<TraceSetting> setting, TraceContext context, TraceMemory memory)
      : setting_(std::move(setting)), context_(std::move(context)), memory_(std::move(memory)) {}
  ~TraceRecord() override;

  void mark(std::uint64_t id, std::string_view activity, std::uint64_t ns);
  void on_activity(const triton::TraceSource& source, std::string_view name,
                   std::uint64_t timestamp_ns) override;
  void on_tensor(const triton::TraceSource& source, triton::TraceActivity activity,
                 const triton::TracedTensor& tensor) override;

 private:
  void add(TraceEntry entry, std::size_t size);
  void introduce(const triton::TraceSource& source);

  const std::shared_ptr<TraceSetting> setting_;
  TraceContext context_;
  std::mutex mutex_;
  TraceMemory memory_;
  std::vector<TraceEntry> entries_;
  std::vector<std::uint64_t> introduced_;  // requests whose model is recorded
};

// A request that is to be traced under this setting; null if the core or the memory does not allow.
std::shared_ptr<RequestTrace> start_trace(const triton::Library& library,
                                          std::shared_ptr<TraceSetting> setting,
                                          TraceContext context);

}  // namespace tfe::kserve
