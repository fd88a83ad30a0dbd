#include "kserve/trace_record.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "kserve/trace_tensor.h"

namespace tfe::kserve {

namespace {

// Entries of a plain request, and what the core keeps for it.
constexpr std::size_t kSizeOfRecord = 2048;

std::uint64_t nanoseconds(base::TimePoint when) {
  using std::chrono::duration_cast;
  return static_cast<std::uint64_t>(
      duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count());
}

// The frontend's side of a record. Holds the core's trace until it is sent, because that one holds
// the record.
class SampledRequest final : public RequestTrace {
 public:
  SampledRequest(std::shared_ptr<TraceRecord> record, triton::Trace trace)
      : record_(std::move(record)), id_(trace.id()), trace_(std::move(trace)) {}

  void mark(std::string_view activity, base::TimePoint when) override {
    record_->mark(id_, activity, nanoseconds(when));
  }

  std::optional<triton::Trace> take_core_trace() override {
    return std::exchange(trace_, std::nullopt);
  }

 private:
  std::shared_ptr<TraceRecord> record_;
  std::uint64_t id_;
  std::optional<triton::Trace> trace_;
};

}  // namespace

TraceSetting::TraceSetting(TraceSettings values, std::shared_ptr<TraceFile> file)
    : values_(std::move(values)), left_(values_.count) {
  if (file) stream_ = std::make_shared<TraceStream>(std::move(file), values_.log_frequency);
}

TraceSetting::~TraceSetting() {
  if (stream_ && values_.levels != 0) TraceWriter::global().close(std::move(stream_));
}

TraceSettings TraceSetting::values() const {
  TraceSettings values = values_;
  values.count = left_.load(std::memory_order_relaxed);
  return values;
}

bool TraceSetting::take() {
  std::int32_t left = left_.load(std::memory_order_relaxed);
  if (left == 0 || values_.levels == 0) return false;
  const std::uint32_t seen = seen_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (seen % values_.rate != 0) return false;
  while (left > 0) {
    if (left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return true;
  }
  return left < 0;
}

TraceRecord::~TraceRecord() {
  FinishedTrace trace{std::move(context_), std::move(entries_)};
  TraceWriter::global().write(setting_->stream(), std::move(trace), std::move(memory_));
}

void TraceRecord::add(TraceEntry entry, std::size_t size) {
  if (memory_.grow(sizeof(TraceEntry) + size)) entries_.push_back(std::move(entry));
}

void TraceRecord::introduce(const triton::TraceSource& source) {
  if (std::find(introduced_.begin(), introduced_.end(), source.id) != introduced_.end()) return;
  introduced_.push_back(source.id);
  add(TracedModel{.id = source.id,
                  .parent_id = source.parent_id,
                  .name = std::string(source.model_name),
                  .version = source.model_version,
                  .request_id = std::string(source.request_id)},
      source.model_name.size() + source.request_id.size());
}

void TraceRecord::mark(std::uint64_t id, std::string_view activity, std::uint64_t ns) {
  if ((setting_->levels() & triton::kTraceTimestamps) == 0) return;
  std::lock_guard lock(mutex_);
  add(TracedTime{id, std::string(activity), ns}, activity.size());
}

void TraceRecord::on_activity(const triton::TraceSource& source, std::string_view name,
                              std::uint64_t timestamp_ns) {
  std::lock_guard lock(mutex_);
  introduce(source);
  add(TracedTime{source.id, std::string(name), timestamp_ns}, name.size());
}

void TraceRecord::on_tensor(const triton::TraceSource& source, triton::TraceActivity activity,
                            const triton::TracedTensor& tensor) {
  // What lies on a device is not fetched: that would stop the model for it.
  const bool readable = tensor.place.type != triton::MemoryType::kGpu && tensor.data.data();
  const std::size_t size = readable ? tensor.data.size() : 0;
  std::lock_guard lock(mutex_);
  introduce(source);
  // Before the copy is made. The writer holds the tensor and its text.
  const std::size_t text = tensor_text_limit(tensor.datatype, size);
  if (!memory_.grow(sizeof(TraceEntry) + tensor.name.size() + size + text)) return;
  entries_.push_back(
      TracedContents{.id = source.id,
                     .activity = triton::activity_name(activity),
                     .name = std::string(tensor.name),
                     .datatype = tensor.datatype,
                     .shape = {tensor.shape.begin(), tensor.shape.end()},
                     .data = readable ? std::string(base::as_text(tensor.data)) : std::string()});
}

std::shared_ptr<RequestTrace> start_trace(const triton::Library& library,
                                          std::shared_ptr<TraceSetting> setting,
                                          TraceContext context) {
  TraceMemory memory;
  if (!memory.grow(kSizeOfRecord + context.traceparent.size() + context.tracestate.size())) {
    return nullptr;
  }
  const std::uint32_t levels = setting->levels();
  std::string json = context.traceparent.empty() ? std::string() : trace_context_json(context);
  auto record =
      std::make_shared<TraceRecord>(std::move(setting), std::move(context), std::move(memory));
  auto trace = triton::Trace::create(library, levels, std::move(json), record);
  if (!trace) return nullptr;
  return std::make_shared<SampledRequest>(std::move(record), *std::move(trace));
}

}  // namespace tfe::kserve
