#include "kserve_http/trace_settings.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "kserve/tracing.h"
#include "kserve_http/control.h"
#include "kserve_http/setting_field.h"

namespace tfe::kserve_http {
namespace {

using base::Status;
using codec::JsonReader;
using codec::JsonValue;
using kserve::TraceChange;

using Names = std::vector<std::string>;

// There are three levels. A request of the largest size could name millions.
constexpr std::size_t kMostLevels = 64;

base::Result<Names> own_strings(JsonValue value) {
  Names names;
  auto status = value.each_element([&](JsonValue element) -> Status {
    if (names.size() >= kMostLevels) {
      return base::fail(base::Code::kInvalidArgument,
                        "Unable to parse 'trace_level', expected at most " +
                            std::to_string(kMostLevels) + " levels");
    }
    auto name = own_string(element);
    if (!name) return std::unexpected(std::move(name).error());
    names.push_back(*std::move(name));
    return {};
  });
  if (!status) return std::unexpected(std::move(status).error());
  return names;
}

class TraceDocument {
 public:
  Status take(std::string_view key, JsonValue value) {
    if (key == "trace_level") return levels_.take(value, own_strings);
    if (key == "trace_rate") return rate_.take(value, own_string);
    if (key == "trace_count") return count_.take(value, own_string);
    if (key == "log_frequency") return log_frequency_.take(value, own_string);
    if (key == "trace_file") return file_.take(value, [](JsonValue) { return true; });
    if (key == "trace_mode") return mode_.take(value, own_string);
    if (!unknown_) unknown_ = std::string(key);
    return value.validate();
  }

  base::Result<kserve::TraceUpdate> update() const {
    if (file_.present) return std::unexpected(kserve::trace_file_is_fixed());
    if (unknown_) return std::unexpected(kserve::unknown_trace_setting(*unknown_));
    kserve::TraceUpdate update;
    Status status = check_mode();
    if (status) status = set_levels(update.levels);
    if (status) status = set(rate_, update.rate, kserve::parse_trace_rate);
    if (status) status = set(count_, update.count, kserve::parse_trace_count);
    if (status) {
      status = set(log_frequency_, update.log_frequency, kserve::parse_trace_log_frequency);
    }
    if (!status) return std::unexpected(std::move(status).error());
    return update;
  }

 private:
  Status check_mode() const {
    if (!mode_.present) return {};
    if (mode_.null) return kserve::check_trace_mode({});
    if (!*mode_.value) return std::unexpected(mode_.value->error());
    return kserve::check_trace_mode({**mode_.value});
  }

  Status set_levels(TraceChange<std::uint32_t>& change) const {
    if (levels_.null) change = TraceChange<std::uint32_t>::clear();
    if (!levels_.value) return {};
    if (!*levels_.value) return std::unexpected(levels_.value->error());
    auto levels = kserve::parse_trace_levels(**levels_.value);
    if (!levels) return std::unexpected(std::move(levels).error());
    if (*levels) change = **levels;
    return {};
  }

  template <typename T>
  static Status set(const SettingField<std::string>& field, TraceChange<T>& change,
                    base::Result<T> (*parse)(std::string_view)) {
    if (field.null) change = TraceChange<T>::clear();
    if (!field.value) return {};
    if (!*field.value) return std::unexpected(field.value->error());
    auto value = parse(**field.value);
    if (!value) return std::unexpected(std::move(value).error());
    change = *value;
    return {};
  }

  std::optional<std::string> unknown_;
  SettingField<bool> file_;  // only whether it is there counts
  SettingField<std::string> mode_;
  SettingField<Names> levels_;
  SettingField<std::string> rate_;
  SettingField<std::string> count_;
  SettingField<std::string> log_frequency_;
};

// Numbers are strings, as clients of Triton expect.
std::string trace_json(const kserve::TraceSettings& settings) {
  std::string json = "{\"trace_level\":[";
  bool first = true;
  for (const std::string_view name : kserve::trace_level_names(settings.levels)) {
    if (!std::exchange(first, false)) json += ',';
    codec::append_json_string(json, name);
  }
  json += "],\"trace_rate\":\"" + std::to_string(settings.rate);
  json += "\",\"trace_count\":\"" + std::to_string(settings.count);
  json += "\",\"log_frequency\":\"" + std::to_string(settings.log_frequency);
  json += "\",\"trace_file\":";
  codec::append_json_string(json, settings.file);
  return json + ",\"trace_mode\":\"triton\"}";
}

Status check_model(const Context& context, const std::string& model) {
  if (model.empty()) return {};
  return kserve::check_traced_model(*context.server, model);
}

kserve::Tracing& tracing_of(const Context& context) {
  return context.inference.extensions().tracing;
}

}  // namespace

Reply read_trace_settings(const Context& context, const std::string& model) {
  if (auto status = check_model(context, model); !status) return error_reply(status.error());
  return json_reply(trace_json(tracing_of(context).settings(model)));
}

void change_trace_settings(std::shared_ptr<const Context> context, const std::string& model,
                           base::Bytes body, BlockingCall::Answer answer) {
  if (auto status = check_model(*context, model); !status) {
    return answer(error_reply(status.error()));
  }
  TraceDocument document;
  JsonReader reader(base::as_text(body));
  const auto status = reader.finish(reader.each_member(
      [&](std::string_view key, JsonValue value) { return document.take(key, value); }));
  if (!status) return answer(error_reply(status.error()));
  const auto update = document.update();
  if (!update) return answer(error_reply(update.error()));
  auto reply = [context, model] {
    return json_reply(trace_json(tracing_of(*context).settings(model)));
  };
  change(std::move(context), kserve::ChangeTrace{model, *update}, std::move(reply),
         std::move(answer));
}

std::shared_ptr<http::RequestSink> start_trace_setting(const EndpointCall& call) {
  if (call.head.method != "POST") {
    return answer(call.exchange, read_trace_settings(*call.context, call.model()));
  }
  auto work = [context = call.context, model = call.model()](base::Bytes body,
                                                             BlockingCall::Answer answer) {
    change_trace_settings(context, model, body, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kCollected, std::move(work),
                                   BlockingCall::Lane::kSlow);
}

}  // namespace tfe::kserve_http
