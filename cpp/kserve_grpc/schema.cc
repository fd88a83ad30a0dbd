#include "kserve_grpc/schema.h"

#include <array>

namespace tfe::kserve_grpc {
namespace {

using codec::ProtoField;
using codec::ProtoMessage;
using Kind = codec::ProtoKind;
using Shape = codec::ProtoShape;

constexpr ProtoField message(std::uint32_t number, std::string_view name, const ProtoMessage& type,
                             Shape shape = Shape::kSingular) {
  return {number, name, Kind::kMessage, shape, &type};
}

constexpr std::array kServerMetadata{
    ProtoField{1, "name", Kind::kString},
    ProtoField{2, "version", Kind::kString},
    ProtoField{3, "extensions", Kind::kString, Shape::kRepeated},
};

constexpr std::array kTensorMetadataFields{
    ProtoField{1, "name", Kind::kString},
    ProtoField{2, "datatype", Kind::kString},
    ProtoField{3, "shape", Kind::kInt64, Shape::kRepeated},
};
constexpr ProtoMessage kTensorMetadata{kTensorMetadataFields};

constexpr std::array kModelMetadata{
    ProtoField{1, "name", Kind::kString},
    ProtoField{2, "versions", Kind::kString, Shape::kRepeated},
    ProtoField{3, "platform", Kind::kString},
    message(4, "inputs", kTensorMetadata, Shape::kRepeated),
    message(5, "outputs", kTensorMetadata, Shape::kRepeated),
};

constexpr std::array kDurationFields{
    ProtoField{1, "count", Kind::kUint64},
    ProtoField{2, "ns", Kind::kUint64},
};
constexpr ProtoMessage kDuration{kDurationFields};

constexpr std::array kInferStatisticsFields{
    message(1, "success", kDuration),       message(2, "fail", kDuration),
    message(3, "queue", kDuration),         message(4, "compute_input", kDuration),
    message(5, "compute_infer", kDuration), message(6, "compute_output", kDuration),
    message(7, "cache_hit", kDuration),     message(8, "cache_miss", kDuration),
};
constexpr ProtoMessage kInferStatistics{kInferStatisticsFields};

constexpr std::array kResponseStatisticsFields{
    message(1, "compute_infer", kDuration),  message(2, "compute_output", kDuration),
    message(3, "success", kDuration),        message(4, "fail", kDuration),
    message(5, "empty_response", kDuration), message(6, "cancel", kDuration),
};
constexpr ProtoMessage kResponseStatistics{kResponseStatisticsFields};

constexpr std::array kBatchStatisticsFields{
    ProtoField{1, "batch_size", Kind::kUint64},
    message(2, "compute_input", kDuration),
    message(3, "compute_infer", kDuration),
    message(4, "compute_output", kDuration),
};
constexpr ProtoMessage kBatchStatistics{kBatchStatisticsFields};

constexpr std::array kMemoryUsageFields{
    ProtoField{1, "type", Kind::kString},
    ProtoField{2, "id", Kind::kInt64},
    ProtoField{3, "byte_size", Kind::kUint64},
};
constexpr ProtoMessage kMemoryUsage{kMemoryUsageFields};

constexpr std::array kModelStatisticsFields{
    ProtoField{1, "name", Kind::kString},
    ProtoField{2, "version", Kind::kString},
    ProtoField{3, "last_inference", Kind::kUint64},
    ProtoField{4, "inference_count", Kind::kUint64},
    ProtoField{5, "execution_count", Kind::kUint64},
    message(6, "inference_stats", kInferStatistics),
    message(7, "batch_stats", kBatchStatistics, Shape::kRepeated),
    message(8, "memory_usage", kMemoryUsage, Shape::kRepeated),
    message(9, "response_stats", kResponseStatistics, Shape::kMap),
};
constexpr ProtoMessage kModelStatistics{kModelStatisticsFields};

constexpr std::array kModelStatisticsList{
    message(1, "model_stats", kModelStatistics, Shape::kRepeated),
};

constexpr std::array kModelIndexFields{
    ProtoField{1, "name", Kind::kString},
    ProtoField{2, "version", Kind::kString},
    ProtoField{3, "state", Kind::kString},
    ProtoField{4, "reason", Kind::kString},
};
constexpr ProtoMessage kModelIndex{kModelIndexFields};

// The core's JSON is the array itself.
constexpr std::array kModelIndexList{
    message(1, "models", kModelIndex, Shape::kRepeated),
};

}  // namespace

constinit const ProtoMessage kServerMetadataResponse{kServerMetadata};
constinit const ProtoMessage kModelMetadataResponse{kModelMetadata};
constinit const ProtoMessage kModelStatisticsResponse{kModelStatisticsList};
constinit const ProtoMessage kRepositoryIndexResponse{kModelIndexList};

}  // namespace tfe::kserve_grpc
