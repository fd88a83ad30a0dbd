#include "kserve_http/json_field.h"

namespace tfe::kserve_http {

bool SharedMemoryFields::take(std::string_view key, codec::JsonValue value) {
  if (key == "shared_memory_region") {
    if (!region) region = own_string(value);
  } else if (key == "shared_memory_offset") {
    if (!offset) offset = value.unsigned_integer();
  } else if (key == "shared_memory_byte_size") {
    if (!byte_size) byte_size = value.unsigned_integer();
  } else {
    return false;
  }
  return true;
}

base::Status SharedMemoryFields::check() const {
  if (auto status = optional_field(region, "shared_memory_region"); !status) return status;
  if (auto status = optional_field(offset, "shared_memory_offset"); !status) return status;
  return optional_field(byte_size, "shared_memory_byte_size");
}

}  // namespace tfe::kserve_http
