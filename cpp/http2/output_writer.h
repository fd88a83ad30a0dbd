// Gathers frames for the transport: small pieces are copied together, so that the headers, message
// and trailers of a small answer are one segment and one write; large ones are referenced.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace tfe::http2 {

class OutputWriter {
 public:
  void copy(base::Bytes bytes);
  void append(base::Chain&& data);
  // Moves what was gathered to the end of the chain.
  void flush();

  std::size_t size() const { return chain_.size() + staged_.size(); }
  base::Chain& chain() { return chain_; }
  const base::Chain& chain() const { return chain_; }

 private:
  std::string staged_;
  base::Chain chain_;
};

}  // namespace tfe::http2
