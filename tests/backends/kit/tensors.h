// Input tensors of a request, and their way into a response.
//
// Inputs named INPUT<suffix> are data and come back as OUTPUT<suffix>; every other input is a knob
// (see knobs.h). Only outputs that the request asked for are produced.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/api.h"
#include "kit/error.h"

namespace tfe::backend {

// A view into a request; valid until the request is released.
struct InputView {
  TRITONBACKEND_Input* handle = nullptr;
  std::string_view name;
  TRITONSERVER_DataType datatype = TRITONSERVER_TYPE_INVALID;
  const std::int64_t* shape = nullptr;
  std::uint32_t dims_count = 0;
  std::uint64_t byte_size = 0;
  std::uint32_t buffer_count = 0;
};

// A tensor of our own, for responses that are sent after the request was released.
struct Tensor {
  std::string name;
  TRITONSERVER_DataType datatype = TRITONSERVER_TYPE_INVALID;
  std::vector<std::int64_t> shape;
  std::vector<char> data;
};

Error view_input(TRITONBACKEND_Request* request, std::uint32_t index, InputView* view);
// Copies all chunks to `target`, which has room for view.byte_size. Fails on GPU memory.
Error copy_input(const InputView& view, char* target);

// True for data inputs; `output` becomes the name of the output that mirrors it.
bool mirrored_name(std::string_view input, std::string* output);
bool output_requested(TRITONBACKEND_Request* request, std::string_view name);

// Every data input of `request`, copied straight into outputs of `response`.
Error mirror_inputs(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response);
// The same in two steps: take the outputs' contents out of the request, put them later.
Error take_outputs(TRITONBACKEND_Request* request, std::vector<Tensor>* tensors);
Error put_output(TRITONBACKEND_Response* response, const Tensor& tensor);

}  // namespace tfe::backend
