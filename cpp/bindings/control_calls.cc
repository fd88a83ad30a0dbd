#include "bindings/control_calls.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "bindings/errors.h"
#include "bindings/text.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

using kserve::RegionKind;

const char* kind_name(RegionKind kind) { return kind == RegionKind::kSystem ? "system" : "cuda"; }

RegionKind kind_of(const nb::dict& from) {
  return nb::cast<std::string>(from["kind"]) == "cuda" ? RegionKind::kCuda : RegionKind::kSystem;
}

template <typename T>
void put(nb::dict& to, const char* name, const kserve::TraceChange<T>& change) {
  if (!change.given()) return;
  if (change.value()) {
    to[name] = *change.value();
  } else {
    to[name] = nb::none();
  }
}

template <typename T>
void get(const nb::dict& from, const char* name, kserve::TraceChange<T>& change) {
  if (!from.contains(name)) return;
  const nb::object value = from[name];
  change = value.is_none() ? kserve::TraceChange<T>::clear() : nb::cast<T>(value);
}

template <typename T>
void get(const nb::dict& from, const char* name, std::optional<T>& setting) {
  if (from.contains(name)) setting = nb::cast<T>(from[name]);
}

struct ToDict {
  nb::dict operator()(const kserve::RegisterSystem& call) const {
    nb::dict made = of("register", call.name);
    made["kind"] = kind_name(RegionKind::kSystem);
    made["key"] = text(call.source.key);
    made["offset"] = call.source.offset;
    made["byte_size"] = call.source.byte_size;
    return made;
  }
  nb::dict operator()(const kserve::RegisterCuda& call) const {
    nb::dict made = of("register", call.name);
    made["kind"] = kind_name(RegionKind::kCuda);
    made["handle"] = nb::bytes(call.source.handle.data(), call.source.handle.size());
    made["device_id"] = call.source.device_id;
    made["byte_size"] = call.source.byte_size;
    return made;
  }
  nb::dict operator()(const kserve::Unregister& call) const {
    nb::dict made = of("unregister", call.name);
    made["kind"] = kind_name(call.kind);
    return made;
  }
  nb::dict operator()(const kserve::LoadModel& call) const {
    nb::dict made = of("load", call.name);
    nb::list parameters;
    for (const triton::LoadParameter& parameter : call.parameters) {
      const auto* value = std::get_if<std::string>(&parameter.value);
      const std::string content = value == nullptr ? std::string() : *value;
      nb::object given =
          parameter.bytes ? nb::object(nb::bytes(content.data(), content.size())) : text(content);
      parameters.append(nb::make_tuple(text(parameter.name), given));
    }
    made["parameters"] = parameters;
    return made;
  }
  nb::dict operator()(const kserve::UnloadModel& call) const {
    nb::dict made = of("unload", call.name);
    made["dependents"] = call.dependents;
    return made;
  }
  nb::dict operator()(const kserve::HostModel& call) const {
    nb::dict made = of("host", call.name);
    made["url"] = text(call.url);
    made["target"] = text(call.target);
    return made;
  }
  nb::dict operator()(const kserve::UnhostModel& call) const { return of("unhost", call.name); }
  nb::dict operator()(const kserve::ChangeTrace& call) const {
    nb::dict settings;
    put(settings, "trace_level", call.update.levels);
    put(settings, "trace_rate", call.update.rate);
    put(settings, "trace_count", call.update.count);
    put(settings, "log_frequency", call.update.log_frequency);
    nb::dict made;
    made["op"] = "trace";
    made["model"] = text(call.model);
    made["settings"] = settings;
    return made;
  }
  nb::dict operator()(const kserve::ChangeLog& call) const {
    nb::dict made;
    made["op"] = "log";
    made["settings"] = to_dict(call.settings);
    return made;
  }

 private:
  static nb::dict of(const char* op, const std::string& name) {
    nb::dict made;
    made["op"] = op;
    made["name"] = text(name);
    return made;
  }
};

kserve::ControlCall registration(const nb::dict& from) {
  std::string name = bytes_of(from["name"]);
  const auto byte_size = nb::cast<std::uint64_t>(from["byte_size"]);
  if (kind_of(from) == RegionKind::kSystem) {
    return kserve::RegisterSystem{
        std::move(name),
        {bytes_of(from["key"]), nb::cast<std::uint64_t>(from["offset"]), byte_size}};
  }
  kserve::CudaRegionSource source;
  const std::string handle = bytes_of(from["handle"]);
  if (handle.size() != source.handle.size()) fail_argument("handle: not a cudaIpcMemHandle_t");
  std::ranges::copy(base::as_bytes(handle), source.handle.begin());
  source.device_id = nb::cast<std::uint64_t>(from["device_id"]);
  source.byte_size = byte_size;
  return kserve::RegisterCuda{std::move(name), source};
}

kserve::ControlCall load(const nb::dict& from) {
  kserve::LoadModel call{bytes_of(from["name"]), {}};
  for (nb::handle item : nb::cast<nb::list>(from["parameters"])) {
    const nb::object name = item[0];
    const nb::object value = item[1];
    call.parameters.push_back({bytes_of(name), bytes_of(value), PyBytes_Check(value.ptr()) != 0});
  }
  return call;
}

kserve::ControlCall trace(const nb::dict& from) {
  kserve::ChangeTrace call{bytes_of(from["model"]), {}};
  const auto settings = nb::cast<nb::dict>(from["settings"]);
  get(settings, "trace_level", call.update.levels);
  get(settings, "trace_rate", call.update.rate);
  get(settings, "trace_count", call.update.count);
  get(settings, "log_frequency", call.update.log_frequency);
  return call;
}

kserve::ControlCall log(const nb::dict& from) {
  const auto settings = nb::cast<nb::dict>(from["settings"]);
  triton::LogSettings wanted;
  get(settings, "log_info", wanted.info);
  get(settings, "log_warning", wanted.warn);
  get(settings, "log_error", wanted.error);
  get(settings, "log_verbose_level", wanted.verbose);
  if (settings.contains("log_format")) {
    wanted.format = unwrap(kserve::parse_log_format(bytes_of(settings["log_format"])));
  }
  return kserve::ChangeLog{wanted};
}

}  // namespace

nb::dict to_dict(const kserve::ControlCall& call) { return std::visit(ToDict(), call); }

nb::dict to_dict(const triton::LogSettings& settings) {
  nb::dict made;
  if (settings.info) made["log_info"] = *settings.info;
  if (settings.warn) made["log_warning"] = *settings.warn;
  if (settings.error) made["log_error"] = *settings.error;
  if (settings.verbose) made["log_verbose_level"] = *settings.verbose;
  if (settings.format) {
    const auto name = kserve::log_format_name(*settings.format);
    made["log_format"] = nb::str(name.data(), name.size());
  }
  return made;
}

kserve::ControlCall control_call(const nb::dict& from) {
  const auto op = nb::cast<std::string>(from["op"]);
  if (op == "register") return registration(from);
  if (op == "unregister") return kserve::Unregister{kind_of(from), bytes_of(from["name"])};
  if (op == "load") return load(from);
  if (op == "unload") {
    return kserve::UnloadModel{bytes_of(from["name"]), nb::cast<bool>(from["dependents"])};
  }
  if (op == "host") {
    return kserve::HostModel{bytes_of(from["name"]), bytes_of(from["url"]),
                             bytes_of(from["target"])};
  }
  if (op == "unhost") return kserve::UnhostModel{bytes_of(from["name"])};
  if (op == "trace") return trace(from);
  if (op == "log") return log(from);
  fail_argument("'" + op + "' is no control call");
}

}  // namespace tfe::bindings
