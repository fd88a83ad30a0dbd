#include "kserve/tracing.h"

#include <chrono>
#include <utility>

#include "kserve/trace_record.h"
#include "triton/request_context.h"

namespace tfe::kserve {

namespace {

// For a disk that takes its time; an answer is not held back longer for it.
constexpr std::chrono::seconds kUpdatePatience{2};
constexpr std::chrono::seconds kEndPatience{10};

class MarkAtEnd {
 public:
  MarkAtEnd(std::shared_ptr<RequestTrace> trace, std::string_view activity, base::Owner also)
      : trace_(std::move(trace)), activity_(activity), also_(std::move(also)) {}
  MarkAtEnd(const MarkAtEnd&) = delete;
  MarkAtEnd& operator=(const MarkAtEnd&) = delete;
  ~MarkAtEnd() { trace_->mark(activity_); }

 private:
  std::shared_ptr<RequestTrace> trace_;
  std::string_view activity_;
  base::Owner also_;
};

template <typename T>
void set_or_default(T& target, const TraceChange<T>& change, const T& fallback) {
  if (change.given()) target = change.value().value_or(fallback);
}

template <typename T>
void remember(TraceChange<T>& own, const TraceChange<T>& change) {
  if (!change.given()) return;
  if (change.value()) {
    own = *change.value();
  } else {
    own.reset();
  }
}

bool any_given(const TraceUpdate& update) {
  return update.levels.given() || update.rate.given() || update.count.given() ||
         update.log_frequency.given();
}

// What holds for a model: its own values, the general ones for the rest. The count is left to the
// caller, because it runs down.
TraceSettings overlay(const TraceUpdate& own, TraceSettings general) {
  general.levels = own.levels.value().value_or(general.levels);
  general.rate = own.rate.value().value_or(general.rate);
  general.log_frequency = own.log_frequency.value().value_or(general.log_frequency);
  return general;
}

}  // namespace

base::Owner mark_at_end(std::shared_ptr<RequestTrace> trace, std::string_view activity,
                        base::Owner also) {
  if (!trace) return also;
  return std::make_shared<MarkAtEnd>(std::move(trace), activity, std::move(also));
}

base::Chain mark_when_sent(base::Chain answer, std::shared_ptr<RequestTrace> trace,
                           std::string_view activity) {
  if (!trace) return answer;
  if (answer.empty()) {
    trace->mark(activity);
    return answer;
  }
  const auto segments = answer.segments();
  base::Chain marked;
  for (const base::Segment& segment : segments.first(segments.size() - 1)) {
    marked.append(segment.bytes, segment.owner);
  }
  const base::Segment& last = segments.back();
  marked.append(last.bytes, mark_at_end(std::move(trace), activity, last.owner));
  return marked;
}

Tracing::Tracing(const triton::Library& library)
    : library_(library), global_(std::make_shared<TraceSetting>(startup_, nullptr)) {
  TraceWriter::global().log_to(library);
}

Tracing::~Tracing() {
  const bool used = file_ != nullptr;
  models_.clear();
  global_.reset();
  // A thread of the core must not wait; the writer goes on without us.
  if (used && !triton::in_callback()) (void)TraceWriter::global().flush(kEndPatience);
}

base::Status Tracing::configure(const TraceSettings& settings) {
  if (auto status = check_trace_settings(settings); !status) return status;
  if (!settings.file.empty()) {
    if (auto status = TraceFile::check(settings.file); !status) return status;
  }
  Replaced replaced;
  std::lock_guard lock(mutex_);
  startup_ = settings;
  // The same file goes on: another object would empty it, or find it locked.
  if (settings.file.empty()) {
    file_ = nullptr;
  } else if (!file_ || file_->path() != settings.file) {
    file_ = std::make_shared<TraceFile>(settings.file);
  }
  replaced.push_back(std::exchange(global_, std::make_shared<TraceSetting>(startup_, file_)));
  for (auto& [name, model] : models_) replaced.push_back(std::move(model.setting));
  models_.clear();
  refresh_enabled();
  return {};
}

const Tracing::Setting& Tracing::find(const std::string& model) const {
  const auto found = models_.find(model);
  return found != models_.end() ? found->second.setting : global_;
}

std::shared_ptr<RequestTrace> Tracing::sample(const std::string& model,
                                              const TraceContext& context) {
  if (!enabled()) return nullptr;
  const TraceParent parent = parse_traceparent(context.traceparent);
  Setting setting;
  {
    std::lock_guard lock(mutex_);
    setting = find(model);
  }
  if (setting->levels() == 0) return nullptr;
  const bool asked_for = setting->parent_based() && parent == TraceParent::kSampled;
  if (!asked_for && !setting->take()) return nullptr;
  return start_trace(library_, std::move(setting),
                     parent == TraceParent::kInvalid ? TraceContext() : context);
}

TraceSettings Tracing::settings(const std::string& model) const {
  std::lock_guard lock(mutex_);
  return find(model)->values();
}

base::Result<TraceSettings> Tracing::update(const std::string& model, const TraceUpdate& update) {
  if (!any_given(update)) return settings(model);
  bool changed = false;
  {
    Replaced replaced;
    std::lock_guard lock(mutex_);
    auto status =
        model.empty() ? update_global(update, replaced) : update_model(model, update, replaced);
    if (!status) return std::unexpected(std::move(status.error()));
    refresh_enabled();
    changed = !replaced.empty();
  }
  if (changed && file_in_use()) (void)TraceWriter::global().flush(kUpdatePatience);
  return settings(model);
}

bool Tracing::file_in_use() const {
  std::lock_guard lock(mutex_);
  return file_ != nullptr;
}

base::Status Tracing::update_global(const TraceUpdate& update, Replaced& replaced) {
  TraceSettings values = global_->values();
  set_or_default(values.levels, update.levels, startup_.levels);
  set_or_default(values.rate, update.rate, startup_.rate);
  set_or_default(values.count, update.count, startup_.count);
  set_or_default(values.log_frequency, update.log_frequency, startup_.log_frequency);
  if (auto status = check_trace_settings(values); !status) return status;
  std::vector<std::pair<Setting*, TraceSettings>> followers;
  for (auto& [name, model] : models_) {
    TraceSettings own = overlay(model.own, values);
    if (!update.count.given() || model.own.count.given()) own.count = model.setting->values().count;
    if (auto status = check_trace_settings(own); !status) return status;
    followers.emplace_back(&model.setting, std::move(own));
  }
  replace(global_, values, replaced);
  for (const auto& [setting, own] : followers) replace(*setting, own, replaced);
  return {};
}

base::Status Tracing::update_model(const std::string& model, const TraceUpdate& update,
                                   Replaced& replaced) {
  const auto found = models_.find(model);
  const bool known = found != models_.end();
  TraceUpdate own = known ? found->second.own : TraceUpdate();
  remember(own.levels, update.levels);
  remember(own.rate, update.rate);
  remember(own.count, update.count);
  remember(own.log_frequency, update.log_frequency);
  if (!any_given(own)) {
    if (!known) return {};
    replaced.push_back(std::move(found->second.setting));
    models_.erase(found);
    return {};
  }
  const TraceSettings general = global_->values();
  TraceSettings values = overlay(own, general);
  if (update.count.given()) {
    values.count = update.count.value().value_or(general.count);
  } else {
    values.count = find(model)->values().count;
  }
  if (auto status = check_trace_settings(values); !status) return status;
  Model& entry = known ? found->second : models_[model];
  entry.own = own;
  replace(entry.setting, values, replaced);
  return {};
}

// Settings that stay as they are keep what they counted and the file that they fill.
void Tracing::replace(Setting& setting, const TraceSettings& values, Replaced& replaced) {
  if (setting && setting->values() == values) return;
  auto fresh = std::make_shared<TraceSetting>(values, file_);
  replaced.push_back(std::exchange(setting, std::move(fresh)));
}

void Tracing::refresh_enabled() {
  bool any = global_->levels() != 0;
  for (const auto& [name, model] : models_) any = any || model.setting->levels() != 0;
  enabled_.store(any, std::memory_order_relaxed);
}

base::Status check_traced_model(const triton::Server& server, const std::string& model) {
  const auto ready = server.model_ready(model, -1);
  if (ready && *ready) return {};
  if (!ready && ready.error().code == base::Code::kUnavailable) {
    return std::unexpected(ready.error());
  }
  return base::fail(base::Code::kInvalidArgument, "Request for unknown model : " + model);
}

}  // namespace tfe::kserve
