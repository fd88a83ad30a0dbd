#include "triton/trace.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "triton/library.h"
#include "triton/trace_context.h"

namespace tfe::triton {

namespace {

// The traces of one request of a client: its own, and those of the requests that were made of it.
struct Family {
  std::string context;
  std::shared_ptr<TraceObserver> observer;
  std::vector<std::uint64_t> alive;
};

// The callbacks' userp is a number, not an address: the core makes child traces without telling us,
// so one may report after every trace that we knew of was released. It is then not found here.
class Families {
 public:
  static Families& global() {
    static auto* const families = new Families;  // callbacks may outlive static objects
    return *families;
  }

  std::uintptr_t reserve_key() { return next_key_.fetch_add(1, std::memory_order_relaxed); }

  void add(std::uintptr_t key, Family family) {
    alive_.fetch_add(family.alive.size(), std::memory_order_relaxed);
    Stripe& stripe = stripe_of(key);
    std::lock_guard lock(stripe.mutex);
    stripe.families.emplace(key, std::make_shared<Family>(std::move(family)));
  }

  // The family of a trace that reports; a trace that is new here joins it. Null if there is none.
  std::shared_ptr<const Family> join(std::uintptr_t key, std::uint64_t id, bool* joined) {
    Stripe& stripe = stripe_of(key);
    std::lock_guard lock(stripe.mutex);
    const auto found = stripe.families.find(key);
    if (found == stripe.families.end()) return nullptr;
    auto& alive = found->second->alive;
    *joined = std::find(alive.begin(), alive.end(), id) == alive.end();
    if (*joined) {
      alive.push_back(id);
      alive_.fetch_add(1, std::memory_order_relaxed);
    }
    return found->second;
  }

  // False if that trace was released before. The last one takes the observer with it.
  bool leave(std::uintptr_t key, std::uint64_t id) {
    std::shared_ptr<Family> gone;
    {
      Stripe& stripe = stripe_of(key);
      std::lock_guard lock(stripe.mutex);
      const auto found = stripe.families.find(key);
      if (found == stripe.families.end()) return false;
      auto& alive = found->second->alive;
      const auto entry = std::find(alive.begin(), alive.end(), id);
      if (entry == alive.end()) return false;
      alive.erase(entry);
      if (alive.empty()) {
        gone = std::move(found->second);
        stripe.families.erase(found);
      }
    }
    gone.reset();
    // Whoever sees no traces alive may rely on their observers having gone.
    alive_.fetch_sub(1, std::memory_order_release);
    return true;
  }

  std::size_t alive() const { return alive_.load(std::memory_order_acquire); }

  // A process has one core, which is never unloaded.
  void use(const Library& library) { library_.store(&library, std::memory_order_release); }
  const Api& api() const { return library_.load(std::memory_order_acquire)->api(); }

 private:
  static constexpr std::size_t kStripes = 16;
  struct Stripe {
    std::mutex mutex;
    std::unordered_map<std::uintptr_t, std::shared_ptr<Family>> families;
  };
  Stripe& stripe_of(std::uintptr_t key) { return stripes_[key % kStripes]; }

  std::array<Stripe, kStripes> stripes_;
  std::atomic<const Library*> library_ = nullptr;
  std::atomic<std::uintptr_t> next_key_ = 1;
  std::atomic<std::size_t> alive_ = 0;
};

std::uintptr_t key_of(void* userp) { return reinterpret_cast<std::uintptr_t>(userp); }

template <typename T>
T ask(const Api& api, const Function<capi::Err*(capi::Trace*, T*)>& getter, capi::Trace* trace) {
  T value{};
  (void)call(api, getter, trace, &value);
  return value;
}

std::string_view ask_text(const Api& api,
                          const Function<capi::Err*(capi::Trace*, const char**)>& getter,
                          capi::Trace* trace) {
  const char* text = ask<const char*>(api, getter, trace);
  return text != nullptr ? std::string_view(text) : std::string_view();
}

TraceSource source_of(const Api& api, capi::Trace* trace, std::uint64_t id) {
  return {.id = id,
          .parent_id = ask<std::uint64_t>(api, api.InferenceTraceParentId, trace),
          .model_name = ask_text(api, api.InferenceTraceModelName, trace),
          .model_version = ask<std::int64_t>(api, api.InferenceTraceModelVersion, trace),
          .request_id = ask_text(api, api.InferenceTraceRequestId, trace)};
}

// A family member that reports, and what it may need on the way: a child trace gets the context of
// its family when it is first heard of, as the core does not pass it on.
std::shared_ptr<const Family> member(const Api& api, capi::Trace* trace, std::uint64_t id,
                                     void* userp) {
  bool joined = false;
  auto family = Families::global().join(key_of(userp), id, &joined);
  if (family && joined && !family->context.empty() && api.InferenceTraceSetContext) {
    (void)call(api, api.InferenceTraceSetContext, trace, family->context.c_str());
  }
  return family;
}

void on_activity(capi::Trace* trace, TraceActivity activity, std::uint64_t timestamp_ns,
                 void* userp) {
  const Api& api = Families::global().api();
  const auto id = ask<std::uint64_t>(api, api.InferenceTraceId, trace);
  const auto family = member(api, trace, id, userp);
  if (!family) return;
  const TraceSource source = source_of(api, trace, id);
  if (activity != TraceActivity::kCustom) {
    family->observer->on_activity(source, activity_name(activity), timestamp_ns);
    return;
  }
  const std::string name =
      custom_activity_name(ask_text(api, api.InferenceTraceContext, trace), timestamp_ns);
  family->observer->on_activity(source, name.empty() ? activity_name(activity) : name,
                                timestamp_ns);
}

void on_tensor(capi::Trace* trace, TraceActivity activity, const char* name, DataType datatype,
               const void* base, std::size_t byte_size, const std::int64_t* shape,
               std::uint64_t dim_count, MemoryType memory_type, std::int64_t memory_id,
               void* userp) {
  const Api& api = Families::global().api();
  const auto id = ask<std::uint64_t>(api, api.InferenceTraceId, trace);
  const auto family = member(api, trace, id, userp);
  if (!family) return;
  const TracedTensor tensor{.name = name != nullptr ? name : "",
                            .datatype = datatype,
                            .shape = {shape, dim_count},
                            .data = {static_cast<const std::byte*>(base), byte_size},
                            .place = {memory_type, memory_id}};
  family->observer->on_tensor(source_of(api, trace, id), activity, tensor);
}

void on_release(capi::Trace* trace, void* userp) {
  const Api& api = Families::global().api();
  const auto id = ask<std::uint64_t>(api, api.InferenceTraceId, trace);
  (void)call(api, api.InferenceTraceDelete, trace);
  (void)Families::global().leave(key_of(userp), id);
}

base::Result<capi::Trace*> make_trace(const Api& api, std::uint32_t levels, void* userp) {
  capi::Trace* trace = nullptr;
  // Every core that traces has the second function; only the first knows of tensors.
  auto status = api.InferenceTraceTensorNew
                    ? call(api, api.InferenceTraceTensorNew, &trace, levels, std::uint64_t{0},
                           &on_activity, &on_tensor, &on_release, userp)
                    : call(api, api.InferenceTraceNew, &trace, levels & ~kTraceTensors,
                           std::uint64_t{0}, &on_activity, &on_release, userp);
  if (!status) return std::unexpected(std::move(status.error()));
  return trace;
}

}  // namespace

std::string_view activity_name(TraceActivity activity) {
  constexpr std::array<std::string_view, 11> kNames = {
      "REQUEST_START",        "QUEUE_START",           "COMPUTE_START",  "COMPUTE_INPUT_END",
      "COMPUTE_OUTPUT_START", "COMPUTE_END",           "REQUEST_END",    "TENSOR_QUEUE_INPUT",
      "TENSOR_BACKEND_INPUT", "TENSOR_BACKEND_OUTPUT", "CUSTOM_ACTIVITY"};
  const auto index = static_cast<std::size_t>(activity);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

base::Result<Trace> Trace::create(const Library& library, std::uint32_t levels, std::string context,
                                  std::shared_ptr<TraceObserver> observer) {
  const Api& api = library.api();
  Families& families = Families::global();
  families.use(library);
  const std::uintptr_t key = families.reserve_key();
  auto handle = make_trace(api, levels, reinterpret_cast<void*>(key));
  if (!handle) return std::unexpected(std::move(handle.error()));
  const auto id = ask<std::uint64_t>(api, api.InferenceTraceId, *handle);
  if (!context.empty() && api.InferenceTraceSetContext) {
    (void)call(api, api.InferenceTraceSetContext, *handle, context.c_str());
  }
  families.add(key, {std::move(context), std::move(observer), {id}});
  return Trace(library, *handle, id, key);
}

Trace::Trace(const Library& library, TRITONSERVER_InferenceTrace* handle, std::uint64_t id,
             std::uintptr_t family)
    : library_(&library), handle_(handle), id_(id), family_(family) {}

Trace::Trace(Trace&& other) noexcept
    : library_(other.library_),
      handle_(std::exchange(other.handle_, nullptr)),
      id_(other.id_),
      family_(other.family_) {}

Trace& Trace::operator=(Trace&& other) noexcept {
  if (this != &other) {
    reset();
    library_ = other.library_;
    handle_ = std::exchange(other.handle_, nullptr);
    id_ = other.id_;
    family_ = other.family_;
  }
  return *this;
}

Trace::~Trace() { reset(); }

void Trace::reset() {
  TRITONSERVER_InferenceTrace* handle = std::exchange(handle_, nullptr);
  // After a send that failed late the core has released it, and the handle is not to be touched.
  if (handle == nullptr || !Families::global().leave(family_, id_)) return;
  (void)call(library_->api(), library_->api().InferenceTraceDelete, handle);
}

std::size_t Trace::alive() { return Families::global().alive(); }

}  // namespace tfe::triton
