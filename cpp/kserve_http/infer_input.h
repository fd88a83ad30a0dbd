// Decodes the entries of "inputs" of an inference request.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/json_reader.h"
#include "kserve/request.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

class InputDecoder {
 public:
  // `binary`: the bytes behind the JSON text. `json_size`: bytes of that text.
  InputDecoder(const Options& options, std::string_view model, base::Bytes binary,
               std::size_t json_size)
      : options_(options), model_(model), binary_(binary), json_size_(json_size) {}

  // Appends to request.inputs. Tensors in binary form refer to `binary`; decoded ones are kept in
  // request.memory.
  base::Status decode(codec::JsonValue element, kserve::InferRequest& request);
  // After the last input: every binary byte belongs to one.
  base::Status finish() const;
  bool used_binary() const { return used_ > 0; }

 private:
  struct Fields;

  base::Status read_fields(codec::JsonValue element, Fields& fields);
  void take_data(codec::JsonValue value, Fields& fields);
  void decode_data_now(codec::JsonValue value, Fields& fields);
  base::Status take_binary(std::uint64_t size, kserve::Input& input);

  const Options& options_;
  std::string_view model_;
  base::Bytes binary_;
  std::size_t json_size_;
  std::size_t used_ = 0;
};

}  // namespace tfe::kserve_http
