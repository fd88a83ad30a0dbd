#include "cloud/load_body.h"

#include <string_view>
#include <utility>

#include "codec/json_reader.h"
#include "kserve_http/json_field.h"

namespace tfe::cloud {

using kserve_http::Field;

base::Result<LoadBody> read_load_body(base::Bytes body) {
  Field<std::string> name;
  Field<std::string> url;
  codec::JsonReader reader(base::as_text(body));
  auto status = reader.each_member(
      [&](std::string_view key, codec::JsonValue value) -> base::Status {
        Field<std::string>* field = nullptr;
        if (key == "model_name") field = &name;
        if (key == "url") field = &url;
        if (field == nullptr || *field) return value.validate();
        *field = kserve_http::own_string(value);
        return {};
      },
      true);
  if (status) status = kserve_http::required(name, "model_name");
  if (status) status = kserve_http::required(url, "url");
  status = reader.finish(std::move(status));
  if (!status) return std::unexpected(std::move(status).error());
  return LoadBody{**std::move(name), **std::move(url)};
}

}  // namespace tfe::cloud
