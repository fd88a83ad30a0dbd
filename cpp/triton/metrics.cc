#include "triton/metrics.h"

#include "triton/library.h"
#include "triton/parameter.h"

namespace tfe::triton {

namespace {

base::Status make_histogram(const Api& api, TRITONSERVER_MetricFamily* family,
                            ParameterList* labels, std::span<const double> buckets,
                            TRITONSERVER_Metric** metric) {
  TRITONSERVER_MetricArgs* args = nullptr;
  auto status = call(api, api.MetricArgsNew, &args);
  if (!status) return status;
  status = call(api, api.MetricArgsSetHistogram, args, buckets.data(),
                static_cast<std::uint64_t>(buckets.size()));
  if (status) {
    status = call(api, api.MetricNewWithArgs, metric, family, labels->data(),
                  static_cast<std::uint64_t>(labels->size()), args);
  }
  (void)call(api, api.MetricArgsDelete, args);
  return status;
}

}  // namespace

base::Result<std::shared_ptr<MetricFamily>> MetricFamily::create(
    std::shared_ptr<const Library> library, MetricKind kind, const std::string& name,
    const std::string& description) {
  const Api& api = library->api();
  TRITONSERVER_MetricFamily* handle = nullptr;
  auto status = call(api, api.MetricFamilyNew, &handle, kind, name.c_str(), description.c_str());
  if (!status) return std::unexpected(std::move(status.error()));
  return std::shared_ptr<MetricFamily>(new MetricFamily(std::move(library), handle, kind));
}

MetricFamily::~MetricFamily() {
  (void)call(library_->api(), library_->api().MetricFamilyDelete, handle_);
}

base::Result<std::shared_ptr<Metric>> Metric::create(std::shared_ptr<MetricFamily> family,
                                                     const Labels& labels,
                                                     std::span<const double> buckets) {
  const bool histogram = family->kind() == MetricKind::kHistogram;
  if (histogram == buckets.empty()) {
    return base::fail(base::Code::kInvalidArgument, histogram
                                                        ? "a histogram metric needs buckets"
                                                        : "buckets are for histogram metrics only");
  }
  const Api& api = family->library_->api();
  ParameterList list(api);
  for (const auto& [name, value] : labels) {
    if (auto status = list.add(name, value); !status) {
      return std::unexpected(std::move(status.error()));
    }
  }
  TRITONSERVER_Metric* handle = nullptr;
  auto status = histogram ? make_histogram(api, family->handle_, &list, buckets, &handle)
                          : call(api, api.MetricNew, &handle, family->handle_, list.data(),
                                 static_cast<std::uint64_t>(list.size()));
  if (!status) return std::unexpected(std::move(status.error()));
  return std::shared_ptr<Metric>(new Metric(std::move(family), handle));
}

Metric::~Metric() {
  const Api& api = family_->library_->api();
  (void)call(api, api.MetricDelete, handle_);
}

base::Result<double> Metric::value() const {
  const Api& api = family_->library_->api();
  double value = 0;
  auto status = call(api, api.MetricValue, handle_, &value);
  if (!status) return std::unexpected(std::move(status.error()));
  return value;
}

base::Status Metric::increment(double amount) {
  const Api& api = family_->library_->api();
  return call(api, api.MetricIncrement, handle_, amount);
}

base::Status Metric::set(double value) {
  const Api& api = family_->library_->api();
  return call(api, api.MetricSet, handle_, value);
}

base::Status Metric::observe(double value) {
  const Api& api = family_->library_->api();
  return call(api, api.MetricObserve, handle_, value);
}

}  // namespace tfe::triton
