// Recording of requests in flight for a supervisor, see kserve/flight_table.h.
#pragma once

#include <cstddef>

#include "base/status.h"

namespace tfe::frontend {

base::Status record_flights(int fd, std::size_t offset);

}  // namespace tfe::frontend
