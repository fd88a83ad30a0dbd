#include "net/spare_descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <vector>

#include "base/unique_fd.h"

namespace tfe::net {

bool was_below_limit(int newest, std::size_t spare) {
  rlimit limit{};
  if (newest < 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return newest >= 0;
  return static_cast<rlim_t>(newest) + spare < limit.rlim_cur;
}

bool descriptors_free(int any, std::size_t count) {
  std::vector<base::UniqueFd> taken;
  while (taken.size() < count) {
    taken.emplace_back(::fcntl(any, F_DUPFD_CLOEXEC, 0));
    if (!taken.back()) return false;
  }
  return true;
}

bool descriptors_left(int any, std::size_t spare) {
  const base::UniqueFd lowest(::fcntl(any, F_DUPFD_CLOEXEC, 0));
  return was_below_limit(lowest.get(), spare);
}

}  // namespace tfe::net
