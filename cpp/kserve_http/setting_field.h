// Members of a settings document, where null means something else than absence: read in any order,
// judged in their own (see json_field.h).
#pragma once

#include <utility>

#include "kserve_http/json_field.h"

namespace tfe::kserve_http {

template <typename T>
struct SettingField {
  bool present = false;
  bool null = false;
  Field<T> value;  // neither absent nor null

  // Takes the member's first occurrence; `read(JsonValue) -> base::Result<T>`.
  template <typename Read>
  base::Status take(codec::JsonValue member, Read read) {
    if (std::exchange(present, true)) return member.validate();
    null = member.type() == codec::JsonType::kNull;
    if (null) return member.validate();
    value = read(member);
    return {};
  }
};

}  // namespace tfe::kserve_http
