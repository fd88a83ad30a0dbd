#include "frontend/flights.h"

#include "kserve/flight_table.h"

namespace tfe::frontend {

base::Status record_flights(int fd, std::size_t offset) {
  return kserve::record_flights(fd, offset);
}

}  // namespace tfe::frontend
