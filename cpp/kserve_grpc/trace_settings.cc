// TraceSetting: reads and changes the settings of Triton's trace extension.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kserve/tracing.h"
#include "kserve_grpc/control.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/settings_map.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

using base::Status;
using kserve::TraceChange;

// There are three levels. A request of the largest size could name millions.
constexpr std::size_t kMostValues = 64;

std::unexpected<base::Error> invalid(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

// The values of one setting; of several entries with its key the last counts.
struct Values {
  bool given = false;
  std::size_t count = 0;
  std::vector<std::string> first;  // kMostValues of them

  void begin() {
    *this = {};
    given = true;
  }
  void add(std::string_view value) {
    if (++count <= kMostValues) first.emplace_back(value);
  }
};

class TraceRequest {
 public:
  // Malformed messages only; what they say is judged by update().
  bool parse(base::Bytes message) {
    codec::ProtoReader reader(message);
    while (reader.next()) {
      if (reader.key() == codec::field_key(2, codec::Wire::kBytes)) model_ = reader.text();
      if (reader.key() == kSettingEntry && !read_entry(reader.bytes())) return false;
    }
    return !reader.failed();
  }

  const std::string& model() const { return model_; }
  bool changes() const { return changes_; }

  base::Result<kserve::TraceUpdate> update() const {
    if (file_.given) return std::unexpected(kserve::trace_file_is_fixed());
    if (unknown_) return std::unexpected(kserve::unknown_trace_setting(*unknown_));
    kserve::TraceUpdate update;
    Status status;
    if (mode_.given) status = kserve::check_trace_mode(mode_.first);
    if (status) status = set_levels(update.levels);
    if (status) status = set("trace_rate", rate_, update.rate, kserve::parse_trace_rate);
    if (status) status = set("trace_count", count_, update.count, kserve::parse_trace_count);
    if (status) {
      status = set("log_frequency", log_frequency_, update.log_frequency,
                   kserve::parse_trace_log_frequency);
    }
    if (!status) return std::unexpected(std::move(status).error());
    return update;
  }

 private:
  bool read_entry(base::Bytes entry) {
    changes_ = true;
    return read_setting(entry, [this](std::string_view key, codec::ProtoReader* value) {
      Values* values = find(key);
      if (values == nullptr) {
        if (!unknown_) unknown_ = std::string(key);
      } else if (value == nullptr) {
        values->begin();
      } else if (value->key() == codec::field_key(1, codec::Wire::kBytes)) {
        values->add(value->text());
      }
    });
  }

  Values* find(std::string_view key) {
    if (key == "trace_level") return &levels_;
    if (key == "trace_rate") return &rate_;
    if (key == "trace_count") return &count_;
    if (key == "log_frequency") return &log_frequency_;
    if (key == "trace_file") return &file_;
    if (key == "trace_mode") return &mode_;
    return nullptr;
  }

  Status set_levels(TraceChange<std::uint32_t>& change) const {
    if (!levels_.given) return {};
    if (levels_.count > kMostValues) {
      return invalid("Unable to parse 'trace_level', expected at most " +
                     std::to_string(kMostValues) + " levels");
    }
    auto levels = kserve::parse_trace_levels(levels_.first);
    if (!levels) return std::unexpected(std::move(levels).error());
    change = *levels ? TraceChange<std::uint32_t>(**levels) : TraceChange<std::uint32_t>::clear();
    return {};
  }

  template <typename T>
  static Status set(std::string_view name, const Values& values, TraceChange<T>& change,
                    base::Result<T> (*parse)(std::string_view)) {
    if (!values.given) return {};
    if (values.count > 1) return invalid("expect only 1 value for '" + std::string(name) + "'");
    if (values.count == 0) {
      change = TraceChange<T>::clear();
      return {};
    }
    auto value = parse(values.first.front());
    if (!value) return std::unexpected(std::move(value).error());
    change = *value;
    return {};
  }

  std::string model_;
  bool changes_ = false;
  std::optional<std::string> unknown_;
  Values file_;
  Values mode_;
  Values levels_;
  Values rate_;
  Values count_;
  Values log_frequency_;
};

void write_values(std::string& response, std::string_view key,
                  const std::vector<std::string_view>& values) {
  std::string value;
  for (const std::string_view text : values) {
    codec::ProtoWriter(value).bytes(1, codec::sanitize_utf8(text),
                                    codec::ProtoWriter::Presence::kAlways);
  }
  write_setting(response, key, value);
}

std::string encode(const kserve::TraceSettings& settings) {
  std::string response;
  write_values(response, "trace_level", kserve::trace_level_names(settings.levels));
  write_values(response, "trace_rate", {std::to_string(settings.rate)});
  write_values(response, "trace_count", {std::to_string(settings.count)});
  write_values(response, "log_frequency", {std::to_string(settings.log_frequency)});
  write_values(response, "trace_file", {settings.file});
  write_values(response, "trace_mode", {"triton"});
  return response;
}

Status check(const Context& context, const std::string& model) {
  if (auto status = check_name("model_name", model); !status || model.empty()) return status;
  return kserve::check_traced_model(*context.server, model);
}

void trace_setting(const ContextPtr& context, base::Bytes message, Respond respond) {
  TraceRequest request;
  if (!request.parse(message)) return respond(std::unexpected(unparsable()));
  if (auto status = check(*context, request.model()); !status) {
    return respond(std::unexpected(std::move(status).error()));
  }
  auto response = [context, model = request.model()]() -> base::Result<std::string> {
    return encode(context->inference.extensions().tracing.settings(model));
  };
  if (!request.changes()) return respond(response());
  const auto update = request.update();
  if (!update) return respond(std::unexpected(update.error()));
  change(context, kserve::ChangeTrace{request.model(), *update}, std::move(response),
         std::move(respond));
}

}  // namespace

// Waits for traces to be written, so not on a loop; for no model, so not behind those that do.
void add_trace_settings(grpc::Router& router, const ContextPtr& context) {
  add_later(
      router, std::string(kService) + "TraceSetting",
      [context](base::Bytes request, Respond respond) {
        trace_setting(context, request, std::move(respond));
      },
      context->blocking(), Lane::kQuick);
}

}  // namespace tfe::kserve_grpc
