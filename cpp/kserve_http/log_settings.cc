#include "kserve_http/log_settings.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "kserve/log_control.h"
#include "kserve_http/control.h"
#include "kserve_http/setting_field.h"

namespace tfe::kserve_http {
namespace {

using base::Status;
using codec::JsonReader;
using codec::JsonValue;

class LogUpdate {
 public:
  // Unknown members are left alone.
  Status take(std::string_view key, JsonValue value) {
    const auto boolean = [](JsonValue flag) { return flag.boolean(); };
    if (key == "log_info") return info_.take(value, boolean);
    if (key == "log_warning") return warning_.take(value, boolean);
    if (key == "log_error") return error_.take(value, boolean);
    if (key == "log_verbose_level") {
      return verbose_.take(value, [](JsonValue level) { return level.unsigned_integer(); });
    }
    if (key == "log_format") return format_.take(value, own_string);
    if (key == "log_file") return file_.take(value, [](JsonValue) { return true; });
    return value.validate();
  }

  base::Result<triton::LogSettings> settings() const {
    if (file_.value) return std::unexpected(kserve::log_file_is_fixed());
    triton::LogSettings settings;
    Status status = copy(info_, settings.info);
    if (status) status = copy(warning_, settings.warn);
    if (status) status = copy(error_, settings.error);
    if (status) status = convert(verbose_, settings.verbose, kserve::check_verbose_level);
    if (status) {
      status = convert(format_, settings.format,
                       [](std::string_view name) { return kserve::parse_log_format(name); });
    }
    if (!status) return std::unexpected(std::move(status).error());
    return settings;
  }

 private:
  static Status copy(const SettingField<bool>& field, std::optional<bool>& target) {
    return convert(field, target, [](bool value) { return base::Result<bool>(value); });
  }

  template <typename T, typename U, typename Convert>
  static Status convert(const SettingField<T>& field, std::optional<U>& target, Convert convert) {
    if (!field.value) return {};
    if (!*field.value) return std::unexpected(field.value->error());
    auto value = convert(**field.value);
    if (!value) return std::unexpected(std::move(value).error());
    target = *value;
    return {};
  }

  SettingField<bool> file_;  // only whether it is there counts
  SettingField<bool> info_;
  SettingField<bool> warning_;
  SettingField<bool> error_;
  SettingField<std::uint64_t> verbose_;
  SettingField<std::string> format_;
};

std::string log_json(const triton::LogSettings& settings) {
  std::string json = "{\"log_file\":";
  codec::append_json_string(json, settings.file.value_or(""));
  json += ",\"log_info\":";
  codec::append_json_bool(json, settings.info.value_or(false));
  json += ",\"log_warning\":";
  codec::append_json_bool(json, settings.warn.value_or(false));
  json += ",\"log_error\":";
  codec::append_json_bool(json, settings.error.value_or(false));
  json += ",\"log_verbose_level\":" + std::to_string(settings.verbose.value_or(0));
  json += ",\"log_format\":";
  codec::append_json_string(
      json, kserve::log_format_name(settings.format.value_or(triton::LogFormat::kDefault)));
  return json + "}";
}

}  // namespace

Reply read_log_settings(const Context& context) {
  return json_reply(log_json(triton::current_log_settings(context.server->library())));
}

void change_log_settings(std::shared_ptr<const Context> context, base::Bytes body,
                         BlockingCall::Answer answer) {
  LogUpdate update;
  JsonReader reader(base::as_text(body));
  const auto status = reader.finish(reader.each_member(
      [&](std::string_view key, JsonValue value) { return update.take(key, value); }));
  if (!status) return answer(error_reply(status.error()));
  const auto settings = update.settings();
  if (!settings) return answer(error_reply(settings.error()));
  auto reply = [context] { return read_log_settings(*context); };
  change(std::move(context), kserve::ChangeLog{*settings}, std::move(reply), std::move(answer));
}

std::shared_ptr<http::RequestSink> start_logging(const EndpointCall& call) {
  if (call.head.method != "POST") return answer(call.exchange, read_log_settings(*call.context));
  auto work = [context = call.context](base::Bytes body, BlockingCall::Answer answer) {
    change_log_settings(context, body, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kCollected, std::move(work),
                                   BlockingCall::Lane::kSlow);
}

}  // namespace tfe::kserve_http
