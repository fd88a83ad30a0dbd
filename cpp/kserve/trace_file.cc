#include "kserve/trace_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tfe::kserve {

namespace {

constexpr std::string_view kOpening = "[\n";
constexpr std::string_view kSeparator = ",\n";
constexpr std::string_view kClosing = "\n]\n";
constexpr mode_t kMode = 0644;
// Text is several times as large as the tensors it tells, so it is not collected without end.
constexpr std::size_t kWriteAbove = std::size_t{4} << 20;

base::Error file_error(const std::string& path, int error) {
  const std::string reason =
      error == EWOULDBLOCK ? "another server writes to it" : std::strerror(error);
  return {base::Code::kInternal, "cannot write trace file '" + path + "': " + reason};
}

}  // namespace

base::Result<JsonArrayFile> JsonArrayFile::create(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kMode));
  if (fd.get() < 0 || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || ::ftruncate(fd.get(), 0) != 0) {
    return std::unexpected(file_error(path, errno));
  }
  return JsonArrayFile(path, std::move(fd));
}

// In one system call if the file takes it, so that a crash rarely comes between.
base::Status JsonArrayFile::write_at(std::uint64_t offset, Parts parts) const {
  while (!parts.back().empty()) {
    std::array<iovec, Parts().size()> left{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      left[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    }
    const ssize_t count = ::pwritev(fd_.get(), left.data(), static_cast<int>(left.size()),
                                    static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::unexpected(file_error(path_, count < 0 ? errno : ENOSPC));
    offset += static_cast<std::uint64_t>(count);
    auto written = static_cast<std::size_t>(count);
    for (std::string_view& part : parts) {
      const std::size_t taken = std::min(part.size(), written);
      part.remove_prefix(taken);
      written -= taken;
    }
  }
  return {};
}

base::Status JsonArrayFile::append(std::string_view elements) {
  if (elements.empty()) return {};
  const bool first = size_ == 0;
  // The end of the array is written over.
  std::uint64_t offset = first ? 0 : size_ - kClosing.size();
  const Parts parts = {first ? kOpening : kSeparator, elements, kClosing};
  auto status = write_at(offset, parts);
  if (status) {
    for (const std::string_view part : parts) offset += part.size();
    size_ = offset;
    return {};
  }
  if (!first) (void)write_at(offset, {"", "", kClosing});
  (void)!::ftruncate(fd_.get(), static_cast<off_t>(size_));
  return status;
}

base::Status TraceFile::check(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  const bool exists = ::access(path.c_str(), F_OK) == 0;
  if (::access(exists ? path.c_str() : directory.c_str(), W_OK) == 0) return {};
  return base::fail(base::Code::kInvalidArgument,
                    "cannot write trace file '" + path + "': " + std::strerror(errno));
}

base::Status TraceFile::append(std::string_view elements) {
  if (elements.empty()) return {};
  if (!plain_) {
    auto file = JsonArrayFile::create(path_);
    if (!file) return std::unexpected(std::move(file.error()));
    plain_ = *std::move(file);
  }
  return plain_->append(elements);
}

base::Status TraceStream::add(const FinishedTrace& trace) {
  if (trace.entries.empty()) return {};
  if (!collected_.empty()) collected_ += kSeparator;
  append_trace(collected_, trace);
  if (log_frequency_ > 0 && ++in_file_ >= log_frequency_) return close();
  return collected_.size() > kWriteAbove ? write() : base::Status();
}

base::Status TraceStream::write() {
  const std::string elements = std::exchange(collected_, {});
  if (log_frequency_ == 0) return file_->append(elements);
  if (elements.empty()) return {};
  if (!numbered_) {
    numbered_path_ = file_->next_numbered();
    auto file = JsonArrayFile::create(numbered_path_ + ".partial");
    if (!file) return std::unexpected(std::move(file.error()));
    numbered_ = *std::move(file);
  }
  return numbered_->append(elements);
}

base::Status TraceStream::close() {
  auto status = write();
  in_file_ = 0;
  if (!numbered_) return status;
  numbered_.reset();
  const std::string partial = numbered_path_ + ".partial";
  if (::rename(partial.c_str(), numbered_path_.c_str()) != 0 && status) {
    return std::unexpected(file_error(numbered_path_, errno));
  }
  return status;
}

}  // namespace tfe::kserve
