// The body of one inference request on its way in: charged to the admission caps, collected in a
// block that the core can read tensors from, and freed of its content codings.
//
// Thread rule: add() on the connection's strand; decode() after the last byte on any one thread,
// and from then on that thread alone. Memory: a compressed body is collected first and expanded
// when it is complete, so a client that sends slowly never holds more than it has sent.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "http/content_coding.h"
#include "kserve/admission.h"
#include "kserve_http/body_buffer.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

// What the head of a request says about its body.
struct BodyPlan {
  std::int64_t content_length = -1;  // -1 if not announced
  std::vector<http::Coding> codings;
  std::size_t binary_offset = 0;  // see BodyBuffer
  // Most bytes of a body without codings.
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  // The error for more.
  base::Error (*too_large)(std::uint64_t size, std::uint64_t limit) = nullptr;
};

class RequestBody {
 public:
  // `options` must outlive the body.
  RequestBody(const Options& options, BodyPlan plan, kserve::Admission::Ticket ticket);

  // Room for the next bytes, at most `wanted`; empty: no preference.
  base::MutableBytes room(std::size_t wanted) { return received_.room(wanted); }
  base::Status add(base::Bytes piece);

  // Whether decode() and the reading of what it leaves are too much work for a loop thread.
  bool heavy() const;
  // Undoes the codings. kInvalidArgument for data that is none, or above max_input_size.
  base::Status decode();
  // After decode(). Followed by padding for codec::JsonReader.
  base::Bytes bytes() const { return received_.bytes(); }
  base::Owner owner() const { return received_.owner(); }
  // Lets go of the memory; whoever refers to it has taken owner().
  void release();
  // Gives the request's share of the caps on inferences back. Not while decode() runs.
  void give_back() { ticket_ = {}; }

 private:
  class Expansion;

  const Options& options_;
  BodyPlan plan_;
  kserve::Admission::Ticket ticket_;
  BodyBuffer received_;
};

// The error for a raw binary body above Options::max_input_size.
base::Error raw_too_large(std::uint64_t size, std::uint64_t limit);

}  // namespace tfe::kserve_http
