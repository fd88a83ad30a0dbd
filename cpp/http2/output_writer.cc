#include "http2/output_writer.h"

#include <utility>

namespace tfe::http2 {
namespace {

// Copying this much is cheaper than one more segment with its shared owner and its place in writev.
constexpr std::size_t kCopyLimit = 2'048;

}  // namespace

void OutputWriter::copy(base::Bytes bytes) { staged_.append(base::as_text(bytes)); }

void OutputWriter::append(base::Chain&& data) {
  for (const base::Segment& segment : data.segments()) {
    if (segment.bytes.size() <= kCopyLimit) {
      copy(segment.bytes);
      continue;
    }
    flush();
    chain_.append(segment.bytes, segment.owner);
  }
  data = {};
}

void OutputWriter::flush() { chain_.append(std::exchange(staged_, {})); }

}  // namespace tfe::http2
