// The part of Server that asks: metadata, configuration, index, statistics, metrics.
#include "triton/library.h"
#include "triton/server.h"

namespace tfe::triton {

template <typename Getter, typename... Args>
base::Result<std::string> Server::json(const Getter& getter, Args... args) const {
  capi::Message* message = nullptr;
  auto status = running();
  if (status) status = call(api(), getter, handle_, args..., &message);
  if (!status) return std::unexpected(explain(std::move(status.error())));
  const char* text = nullptr;
  std::size_t size = 0;
  std::string result;
  status = call(api(), api().MessageSerializeToJson, message, &text, &size);
  if (status) result.assign(text, size);
  (void)call(api(), api().MessageDelete, message);
  if (!status) return std::unexpected(std::move(status.error()));
  return result;
}

base::Result<std::string> Server::metadata() const { return json(api().ServerMetadata); }

base::Result<std::string> Server::model_metadata(const std::string& name,
                                                 std::int64_t version) const {
  return json(api().ServerModelMetadata, name.c_str(), version);
}

base::Result<std::string> Server::model_config(const std::string& name, std::int64_t version,
                                               std::uint32_t config_version) const {
  return json(api().ServerModelConfig, name.c_str(), version, config_version);
}

base::Result<std::string> Server::model_index(bool ready_only) const {
  return json(api().ServerModelIndex, ready_only ? capi::kIndexReady : 0U);
}

base::Result<std::string> Server::model_statistics(const std::string& name,
                                                   std::int64_t version) const {
  return json(api().ServerModelStatistics, name.c_str(), version);
}

base::Result<bool> Server::decoupled(const std::string& name, std::int64_t version) const {
  std::uint32_t flags = 0;
  auto status = running();
  if (status) {
    status = call(api(), api().ServerModelTransactionProperties, handle_, name.c_str(), version,
                  &flags, static_cast<void**>(nullptr));
  }
  if (!status) return std::unexpected(explain(std::move(status.error())));
  return (flags & capi::kTxnDecoupled) != 0;
}

base::Result<ModelTraits> Server::model_traits(const std::string& name,
                                               std::int64_t version) const {
  auto decoupled_model = decoupled(name, version);
  if (!decoupled_model) return std::unexpected(std::move(decoupled_model.error()));
  std::uint32_t flags = 0;
  auto status = call(api(), api().ServerModelBatchProperties, handle_, name.c_str(), version,
                     &flags, static_cast<void**>(nullptr));
  if (!status) return std::unexpected(std::move(status.error()));
  return ModelTraits{.decoupled = *decoupled_model,
                     .batches_first_dim = (flags & capi::kBatchFirstDim) != 0};
}

base::Result<std::string> Server::metrics() const {
  capi::Metrics* metrics = nullptr;
  auto status = running();
  if (status) status = call(api(), api().ServerMetrics, handle_, &metrics);
  if (!status) return std::unexpected(std::move(status.error()));
  const char* text = nullptr;
  std::size_t size = 0;
  std::string result;
  status =
      call(api(), api().MetricsFormatted, metrics, capi::MetricFormat::kPrometheus, &text, &size);
  if (status) result.assign(text, size);
  (void)call(api(), api().MetricsDelete, metrics);
  if (!status) return std::unexpected(std::move(status.error()));
  return result;
}

}  // namespace tfe::triton
