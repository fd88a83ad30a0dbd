// LogSettings: reads and changes the log of the process, Triton's logging extension.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "kserve/log_control.h"
#include "kserve_grpc/control.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/settings_map.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

using base::Status;
using codec::field_key;
using codec::ProtoReader;
using codec::ProtoWriter;
using codec::Wire;

// SettingValue, the oneof parameter_choice; monostate if no member is set.
using Choice = std::variant<std::monostate, bool, std::uint32_t, std::string>;
using Setting = std::optional<Choice>;

void read_choice(ProtoReader& reader, Choice& choice) {
  if (reader.key() == field_key(1, Wire::kVarint)) choice = reader.boolean();
  if (reader.key() == field_key(2, Wire::kVarint)) choice = reader.uint32();
  if (reader.key() == field_key(3, Wire::kBytes)) choice = std::string(reader.text());
}

std::unexpected<base::Error> expected(std::string_view what, std::string_view key) {
  return base::fail(base::Code::kInvalidArgument,
                    "expect " + std::string(what) + " for '" + std::string(key) + "'");
}

class LogRequest {
 public:
  // Malformed messages only; what they say is judged by settings(). Unknown keys are left alone.
  bool parse(base::Bytes message) {
    ProtoReader reader(message);
    while (reader.next()) {
      if (reader.key() == kSettingEntry && !read_entry(reader.bytes())) return false;
    }
    return !reader.failed();
  }

  bool changes() const { return changes_; }

  // All of them are judged before one is applied.
  base::Result<triton::LogSettings> settings() const {
    if (file_) return std::unexpected(kserve::log_file_is_fixed());
    triton::LogSettings settings;
    Status status = set_flag("log_info", info_, settings.info);
    if (status) status = set_flag("log_warning", warning_, settings.warn);
    if (status) status = set_flag("log_error", error_, settings.error);
    if (status) status = set_verbose(settings.verbose);
    if (status) status = set_format(settings.format);
    if (!status) return std::unexpected(std::move(status).error());
    return settings;
  }

 private:
  bool read_entry(base::Bytes entry) {
    return read_setting(entry, [this](std::string_view key, ProtoReader* value) {
      Setting* setting = find(key);
      if (setting == nullptr) return;
      changes_ = true;
      if (value == nullptr)
        *setting = Choice{};
      else
        read_choice(*value, **setting);
    });
  }

  Setting* find(std::string_view key) {
    if (key == "log_file") return &file_;
    if (key == "log_info") return &info_;
    if (key == "log_warning") return &warning_;
    if (key == "log_error") return &error_;
    if (key == "log_verbose_level") return &verbose_;
    if (key == "log_format") return &format_;
    return nullptr;
  }

  static Status set_flag(std::string_view key, const Setting& setting, std::optional<bool>& flag) {
    if (!setting) return {};
    const bool* value = std::get_if<bool>(&*setting);
    if (value == nullptr) return expected("boolean", key);
    flag = *value;
    return {};
  }

  Status set_verbose(std::optional<int>& verbose) const {
    if (!verbose_) return {};
    const auto* value = std::get_if<std::uint32_t>(&*verbose_);
    if (value == nullptr) return expected("int32", "log_verbose_level");
    const auto level = kserve::check_verbose_level(*value);
    if (!level) return std::unexpected(level.error());
    verbose = *level;
    return {};
  }

  Status set_format(std::optional<triton::LogFormat>& format) const {
    if (!format_) return {};
    const auto* value = std::get_if<std::string>(&*format_);
    if (value == nullptr) return expected("string", "log_format");
    const auto parsed = kserve::parse_log_format(*value, kserve::Protocol::kGrpc);
    if (!parsed) return std::unexpected(parsed.error());
    format = *parsed;
    return {};
  }

  bool changes_ = false;
  Setting file_;
  Setting info_;
  Setting warning_;
  Setting error_;
  Setting verbose_;
  Setting format_;
};

constexpr auto kAlways = ProtoWriter::Presence::kAlways;

void write_flag(std::string& response, std::string_view key, bool flag) {
  std::string value;
  ProtoWriter(value).boolean(1, flag, kAlways);
  write_setting(response, key, value);
}

void write_text(std::string& response, std::string_view key, std::string_view text) {
  std::string value;
  ProtoWriter(value).bytes(3, codec::sanitize_utf8(text), kAlways);
  write_setting(response, key, value);
}

std::string encode(const triton::LogSettings& settings) {
  std::string response;
  write_text(response, "log_file", settings.file.value_or(""));
  write_flag(response, "log_info", settings.info.value_or(false));
  write_flag(response, "log_warning", settings.warn.value_or(false));
  write_flag(response, "log_error", settings.error.value_or(false));
  std::string verbose;
  const int level = settings.verbose.value_or(0);
  ProtoWriter(verbose).varint(2, static_cast<std::uint32_t>(level), kAlways);
  write_setting(response, "log_verbose_level", verbose);
  write_text(response, "log_format",
             kserve::log_format_name(settings.format.value_or(triton::LogFormat::kDefault)));
  return response;
}

void log_settings(const ContextPtr& context, base::Bytes message, Respond respond) {
  LogRequest request;
  if (!request.parse(message)) return respond(std::unexpected(unparsable()));
  auto response = [context]() -> base::Result<std::string> {
    return encode(triton::current_log_settings(context->server->library()));
  };
  if (!request.changes()) return respond(response());
  const auto settings = request.settings();
  if (!settings) return respond(std::unexpected(settings.error()));
  change(context, kserve::ChangeLog{*settings}, std::move(response), std::move(respond));
}

}  // namespace

void add_log_settings(grpc::Router& router, const ContextPtr& context) {
  add_later(
      router, std::string(kService) + "LogSettings",
      [context](base::Bytes request, Respond respond) {
        log_settings(context, request, std::move(respond));
      },
      context->blocking(), Lane::kQuick);
}

}  // namespace tfe::kserve_grpc
