// Custom metrics in the core's process-wide registry, shown by every server's metrics().
//
// A metric holds its family: the core refuses to delete a family that has metrics. Any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "triton/types.h"

struct TRITONSERVER_Metric;
struct TRITONSERVER_MetricFamily;

namespace tfe::triton {

class Library;

class MetricFamily {
 public:
  // The same name and kind again shares the family; another kind is kInvalidArgument.
  static base::Result<std::shared_ptr<MetricFamily>> create(std::shared_ptr<const Library> library,
                                                            MetricKind kind,
                                                            const std::string& name,
                                                            const std::string& description);
  ~MetricFamily();
  MetricFamily(const MetricFamily&) = delete;
  MetricFamily& operator=(const MetricFamily&) = delete;

  MetricKind kind() const { return kind_; }

 private:
  friend class Metric;
  MetricFamily(std::shared_ptr<const Library> library, TRITONSERVER_MetricFamily* handle,
               MetricKind kind)
      : library_(std::move(library)), handle_(handle), kind_(kind) {}

  std::shared_ptr<const Library> library_;
  TRITONSERVER_MetricFamily* handle_;
  MetricKind kind_;
};

class Metric {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  // `buckets`: ascending upper bounds, for histograms only (kInvalidArgument otherwise).
  static base::Result<std::shared_ptr<Metric>> create(std::shared_ptr<MetricFamily> family,
                                                      const Labels& labels,
                                                      std::span<const double> buckets = {});
  ~Metric();
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;

  MetricKind kind() const { return family_->kind(); }
  // Counters and gauges.
  base::Result<double> value() const;
  // Counters and gauges; negative on gauges only.
  base::Status increment(double amount);
  // Gauges.
  base::Status set(double value);
  // Histograms.
  base::Status observe(double value);

 private:
  Metric(std::shared_ptr<MetricFamily> family, TRITONSERVER_Metric* handle)
      : family_(std::move(family)), handle_(handle) {}

  std::shared_ptr<MetricFamily> family_;
  TRITONSERVER_Metric* handle_;
};

}  // namespace tfe::triton
