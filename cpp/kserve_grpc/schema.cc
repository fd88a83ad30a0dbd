// Made by tools/generate_proto_tables.py from tools/grpc_schema. Changes belong there.
// clang-format off
#include "kserve_grpc/schema.h"

#include <array>

namespace tfe::kserve_grpc {
namespace {

using codec::ProtoEnumValue;
using codec::ProtoField;
using codec::ProtoMessage;
using Kind = codec::ProtoKind;
using Shape = codec::ProtoShape;

constexpr std::array<ProtoField, 3> kServerMetadataResponseFields{{
    {1, "name", Kind::kString},
    {2, "version", Kind::kString},
    {3, "extensions", Kind::kString, Shape::kRepeated},
}};

constexpr std::array<ProtoField, 3> kModelMetadataResponseTensorMetadataFields{{
    {1, "name", Kind::kString},
    {2, "datatype", Kind::kString},
    {3, "shape", Kind::kInt64, Shape::kRepeated},
}};
constexpr ProtoMessage kModelMetadataResponseTensorMetadata{kModelMetadataResponseTensorMetadataFields};

constexpr std::array<ProtoField, 5> kModelMetadataResponseFields{{
    {1, "name", Kind::kString},
    {2, "versions", Kind::kString, Shape::kRepeated},
    {3, "platform", Kind::kString},
    {4, "inputs", Kind::kMessage, Shape::kRepeated, &kModelMetadataResponseTensorMetadata},
    {5, "outputs", Kind::kMessage, Shape::kRepeated, &kModelMetadataResponseTensorMetadata},
}};

constexpr std::array<ProtoField, 2> kStatisticDurationFields{{
    {1, "count", Kind::kUint64},
    {2, "ns", Kind::kUint64},
}};
constexpr ProtoMessage kStatisticDuration{kStatisticDurationFields};

constexpr std::array<ProtoField, 8> kInferStatisticsFields{{
    {1, "success", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {2, "fail", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {3, "queue", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {4, "compute_input", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {5, "compute_infer", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {6, "compute_output", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {7, "cache_hit", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {8, "cache_miss", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
}};
constexpr ProtoMessage kInferStatistics{kInferStatisticsFields};

constexpr std::array<ProtoField, 4> kInferBatchStatisticsFields{{
    {1, "batch_size", Kind::kUint64},
    {2, "compute_input", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {3, "compute_infer", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {4, "compute_output", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
}};
constexpr ProtoMessage kInferBatchStatistics{kInferBatchStatisticsFields};

constexpr std::array<ProtoField, 3> kMemoryUsageFields{{
    {1, "type", Kind::kString},
    {2, "id", Kind::kInt64},
    {3, "byte_size", Kind::kUint64},
}};
constexpr ProtoMessage kMemoryUsage{kMemoryUsageFields};

constexpr std::array<ProtoField, 6> kInferResponseStatisticsFields{{
    {1, "compute_infer", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {2, "compute_output", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {3, "success", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {4, "fail", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {5, "empty_response", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
    {6, "cancel", Kind::kMessage, Shape::kSingular, &kStatisticDuration},
}};
constexpr ProtoMessage kInferResponseStatistics{kInferResponseStatisticsFields};

constexpr std::array<ProtoField, 9> kModelStatisticsFields{{
    {1, "name", Kind::kString},
    {2, "version", Kind::kString},
    {3, "last_inference", Kind::kUint64},
    {4, "inference_count", Kind::kUint64},
    {5, "execution_count", Kind::kUint64},
    {6, "inference_stats", Kind::kMessage, Shape::kSingular, &kInferStatistics},
    {7, "batch_stats", Kind::kMessage, Shape::kRepeated, &kInferBatchStatistics},
    {8, "memory_usage", Kind::kMessage, Shape::kRepeated, &kMemoryUsage},
    {9, "response_stats", Kind::kMessage, Shape::kMap, &kInferResponseStatistics},
}};
constexpr ProtoMessage kModelStatistics{kModelStatisticsFields};

constexpr std::array<ProtoField, 1> kModelStatisticsResponseFields{{
    {1, "model_stats", Kind::kMessage, Shape::kRepeated, &kModelStatistics},
}};

constexpr std::array<ProtoField, 4> kRepositoryIndexResponseModelIndexFields{{
    {1, "name", Kind::kString},
    {2, "version", Kind::kString},
    {3, "state", Kind::kString},
    {4, "reason", Kind::kString},
}};
constexpr ProtoMessage kRepositoryIndexResponseModelIndex{kRepositoryIndexResponseModelIndexFields};

constexpr std::array<ProtoField, 1> kRepositoryIndexResponseFields{{
    {1, "models", Kind::kMessage, Shape::kRepeated, &kRepositoryIndexResponseModelIndex},
}};

constexpr std::array<ProtoField, 1> kModelVersionPolicyLatestFields{{
    {1, "num_versions", Kind::kUint32},
}};
constexpr ProtoMessage kModelVersionPolicyLatest{kModelVersionPolicyLatestFields};

constexpr ProtoMessage kModelVersionPolicyAll{};

constexpr std::array<ProtoField, 1> kModelVersionPolicySpecificFields{{
    {1, "versions", Kind::kInt64, Shape::kRepeated},
}};
constexpr ProtoMessage kModelVersionPolicySpecific{kModelVersionPolicySpecificFields};

constexpr std::array<ProtoField, 3> kModelVersionPolicyFields{{
    {1, "latest", Kind::kMessage, Shape::kOneof, &kModelVersionPolicyLatest},
    {2, "all", Kind::kMessage, Shape::kOneof, &kModelVersionPolicyAll},
    {3, "specific", Kind::kMessage, Shape::kOneof, &kModelVersionPolicySpecific},
}};
constexpr ProtoMessage kModelVersionPolicy{kModelVersionPolicyFields};

constexpr std::array<ProtoEnumValue, 15> kDataTypeValues{{
    {"TYPE_INVALID", 0},
    {"TYPE_BOOL", 1},
    {"TYPE_UINT8", 2},
    {"TYPE_UINT16", 3},
    {"TYPE_UINT32", 4},
    {"TYPE_UINT64", 5},
    {"TYPE_INT8", 6},
    {"TYPE_INT16", 7},
    {"TYPE_INT32", 8},
    {"TYPE_INT64", 9},
    {"TYPE_FP16", 10},
    {"TYPE_FP32", 11},
    {"TYPE_FP64", 12},
    {"TYPE_STRING", 13},
    {"TYPE_BF16", 14},
}};

constexpr std::array<ProtoEnumValue, 3> kModelInputFormatValues{{
    {"FORMAT_NONE", 0},
    {"FORMAT_NHWC", 1},
    {"FORMAT_NCHW", 2},
}};

constexpr std::array<ProtoField, 1> kModelTensorReshapeFields{{
    {1, "shape", Kind::kInt64, Shape::kRepeated},
}};
constexpr ProtoMessage kModelTensorReshape{kModelTensorReshapeFields};

constexpr std::array<ProtoField, 9> kModelInputFields{{
    {1, "name", Kind::kString},
    {2, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {3, "format", Kind::kEnum, Shape::kSingular, nullptr, kModelInputFormatValues},
    {4, "dims", Kind::kInt64, Shape::kRepeated},
    {5, "reshape", Kind::kMessage, Shape::kSingular, &kModelTensorReshape},
    {6, "is_shape_tensor", Kind::kBool},
    {7, "allow_ragged_batch", Kind::kBool},
    {8, "optional", Kind::kBool},
    {9, "is_non_linear_format_io", Kind::kBool},
}};
constexpr ProtoMessage kModelInput{kModelInputFields};

constexpr std::array<ProtoField, 7> kModelOutputFields{{
    {1, "name", Kind::kString},
    {2, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {3, "dims", Kind::kInt64, Shape::kRepeated},
    {4, "label_filename", Kind::kString},
    {5, "reshape", Kind::kMessage, Shape::kSingular, &kModelTensorReshape},
    {6, "is_shape_tensor", Kind::kBool},
    {7, "is_non_linear_format_io", Kind::kBool},
}};
constexpr ProtoMessage kModelOutput{kModelOutputFields};

constexpr std::array<ProtoEnumValue, 4> kModelInstanceGroupKindValues{{
    {"KIND_AUTO", 0},
    {"KIND_GPU", 1},
    {"KIND_CPU", 2},
    {"KIND_MODEL", 3},
}};

constexpr std::array<ProtoField, 3> kModelRateLimiterResourceFields{{
    {1, "name", Kind::kString},
    {2, "global", Kind::kBool},
    {3, "count", Kind::kUint32},
}};
constexpr ProtoMessage kModelRateLimiterResource{kModelRateLimiterResourceFields};

constexpr std::array<ProtoField, 2> kModelRateLimiterFields{{
    {1, "resources", Kind::kMessage, Shape::kRepeated, &kModelRateLimiterResource},
    {2, "priority", Kind::kUint32},
}};
constexpr ProtoMessage kModelRateLimiter{kModelRateLimiterFields};

constexpr std::array<ProtoEnumValue, 1> kModelInstanceGroupSecondaryDeviceSecondaryDeviceKindValues{{
    {"KIND_NVDLA", 0},
}};

constexpr std::array<ProtoField, 2> kModelInstanceGroupSecondaryDeviceFields{{
    {1, "kind", Kind::kEnum, Shape::kSingular, nullptr, kModelInstanceGroupSecondaryDeviceSecondaryDeviceKindValues},
    {2, "device_id", Kind::kInt64},
}};
constexpr ProtoMessage kModelInstanceGroupSecondaryDevice{kModelInstanceGroupSecondaryDeviceFields};

constexpr std::array<ProtoField, 9> kModelInstanceGroupFields{{
    {1, "name", Kind::kString},
    {2, "count", Kind::kInt32},
    {3, "gpus", Kind::kInt32, Shape::kRepeated},
    {4, "kind", Kind::kEnum, Shape::kSingular, nullptr, kModelInstanceGroupKindValues},
    {5, "profile", Kind::kString, Shape::kRepeated},
    {6, "rate_limiter", Kind::kMessage, Shape::kSingular, &kModelRateLimiter},
    {7, "passive", Kind::kBool},
    {8, "secondary_devices", Kind::kMessage, Shape::kRepeated, &kModelInstanceGroupSecondaryDevice},
    {9, "host_policy", Kind::kString},
}};
constexpr ProtoMessage kModelInstanceGroup{kModelInstanceGroupFields};

constexpr std::array<ProtoEnumValue, 2> kModelQueuePolicyTimeoutActionValues{{
    {"REJECT", 0},
    {"DELAY", 1},
}};

constexpr std::array<ProtoField, 4> kModelQueuePolicyFields{{
    {1, "timeout_action", Kind::kEnum, Shape::kSingular, nullptr, kModelQueuePolicyTimeoutActionValues},
    {2, "default_timeout_microseconds", Kind::kUint64},
    {3, "allow_timeout_override", Kind::kBool},
    {4, "max_queue_size", Kind::kUint32},
}};
constexpr ProtoMessage kModelQueuePolicy{kModelQueuePolicyFields};

constexpr std::array<ProtoField, 7> kModelDynamicBatchingFields{{
    {1, "preferred_batch_size", Kind::kInt32, Shape::kRepeated},
    {2, "max_queue_delay_microseconds", Kind::kUint64},
    {3, "preserve_ordering", Kind::kBool},
    {4, "priority_levels", Kind::kUint64},
    {5, "default_priority_level", Kind::kUint64},
    {6, "default_queue_policy", Kind::kMessage, Shape::kSingular, &kModelQueuePolicy},
    {7, "priority_queue_policy", Kind::kMessage, Shape::kMap, &kModelQueuePolicy, {}, Kind::kUint64},
}};
constexpr ProtoMessage kModelDynamicBatching{kModelDynamicBatchingFields};

constexpr std::array<ProtoEnumValue, 4> kModelSequenceBatchingControlKindValues{{
    {"CONTROL_SEQUENCE_START", 0},
    {"CONTROL_SEQUENCE_READY", 1},
    {"CONTROL_SEQUENCE_END", 2},
    {"CONTROL_SEQUENCE_CORRID", 3},
}};

constexpr std::array<ProtoField, 5> kModelSequenceBatchingControlFields{{
    {1, "kind", Kind::kEnum, Shape::kSingular, nullptr, kModelSequenceBatchingControlKindValues},
    {2, "int32_false_true", Kind::kInt32, Shape::kRepeated},
    {3, "fp32_false_true", Kind::kFloat, Shape::kRepeated},
    {4, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {5, "bool_false_true", Kind::kBool, Shape::kRepeated},
}};
constexpr ProtoMessage kModelSequenceBatchingControl{kModelSequenceBatchingControlFields};

constexpr std::array<ProtoField, 2> kModelSequenceBatchingControlInputFields{{
    {1, "name", Kind::kString},
    {2, "control", Kind::kMessage, Shape::kRepeated, &kModelSequenceBatchingControl},
}};
constexpr ProtoMessage kModelSequenceBatchingControlInput{kModelSequenceBatchingControlInputFields};

constexpr std::array<ProtoField, 2> kModelSequenceBatchingStrategyDirectFields{{
    {1, "max_queue_delay_microseconds", Kind::kUint64},
    {2, "minimum_slot_utilization", Kind::kFloat},
}};
constexpr ProtoMessage kModelSequenceBatchingStrategyDirect{kModelSequenceBatchingStrategyDirectFields};

constexpr std::array<ProtoField, 4> kModelSequenceBatchingStrategyOldestFields{{
    {1, "max_candidate_sequences", Kind::kInt32},
    {2, "preferred_batch_size", Kind::kInt32, Shape::kRepeated},
    {3, "max_queue_delay_microseconds", Kind::kUint64},
    {4, "preserve_ordering", Kind::kBool},
}};
constexpr ProtoMessage kModelSequenceBatchingStrategyOldest{kModelSequenceBatchingStrategyOldestFields};

constexpr std::array<ProtoField, 5> kModelSequenceBatchingInitialStateFields{{
    {1, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {2, "dims", Kind::kInt64, Shape::kRepeated},
    {3, "zero_data", Kind::kBool, Shape::kOneof},
    {4, "data_file", Kind::kString, Shape::kOneof},
    {5, "name", Kind::kString},
}};
constexpr ProtoMessage kModelSequenceBatchingInitialState{kModelSequenceBatchingInitialStateFields};

constexpr std::array<ProtoField, 7> kModelSequenceBatchingStateFields{{
    {1, "input_name", Kind::kString},
    {2, "output_name", Kind::kString},
    {3, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {4, "dims", Kind::kInt64, Shape::kRepeated},
    {5, "initial_state", Kind::kMessage, Shape::kRepeated, &kModelSequenceBatchingInitialState},
    {6, "use_same_buffer_for_input_output", Kind::kBool},
    {7, "use_growable_memory", Kind::kBool},
}};
constexpr ProtoMessage kModelSequenceBatchingState{kModelSequenceBatchingStateFields};

constexpr std::array<ProtoField, 6> kModelSequenceBatchingFields{{
    {1, "max_sequence_idle_microseconds", Kind::kUint64},
    {2, "control_input", Kind::kMessage, Shape::kRepeated, &kModelSequenceBatchingControlInput},
    {3, "direct", Kind::kMessage, Shape::kOneof, &kModelSequenceBatchingStrategyDirect},
    {4, "oldest", Kind::kMessage, Shape::kOneof, &kModelSequenceBatchingStrategyOldest},
    {5, "state", Kind::kMessage, Shape::kRepeated, &kModelSequenceBatchingState},
    {6, "iterative_sequence", Kind::kBool},
}};
constexpr ProtoMessage kModelSequenceBatching{kModelSequenceBatchingFields};

constexpr std::array<ProtoField, 5> kModelEnsemblingStepFields{{
    {1, "model_name", Kind::kString},
    {2, "model_version", Kind::kInt64},
    {3, "input_map", Kind::kString, Shape::kMap},
    {4, "output_map", Kind::kString, Shape::kMap},
    {5, "model_namespace", Kind::kString},
}};
constexpr ProtoMessage kModelEnsemblingStep{kModelEnsemblingStepFields};

constexpr std::array<ProtoField, 2> kModelEnsemblingFields{{
    {1, "step", Kind::kMessage, Shape::kRepeated, &kModelEnsemblingStep},
    {2, "max_inflight_requests", Kind::kUint32},
}};
constexpr ProtoMessage kModelEnsembling{kModelEnsemblingFields};

constexpr std::array<ProtoField, 1> kModelOptimizationPolicyGraphFields{{
    {1, "level", Kind::kInt32},
}};
constexpr ProtoMessage kModelOptimizationPolicyGraph{kModelOptimizationPolicyGraphFields};

constexpr std::array<ProtoEnumValue, 3> kModelOptimizationPolicyModelPriorityValues{{
    {"PRIORITY_DEFAULT", 0},
    {"PRIORITY_MAX", 1},
    {"PRIORITY_MIN", 2},
}};

constexpr std::array<ProtoField, 1> kModelOptimizationPolicyCudaGraphSpecShapeFields{{
    {1, "dim", Kind::kInt64, Shape::kRepeated},
}};
constexpr ProtoMessage kModelOptimizationPolicyCudaGraphSpecShape{kModelOptimizationPolicyCudaGraphSpecShapeFields};

constexpr std::array<ProtoField, 2> kModelOptimizationPolicyCudaGraphSpecLowerBoundFields{{
    {1, "batch_size", Kind::kInt32},
    {2, "input", Kind::kMessage, Shape::kMap, &kModelOptimizationPolicyCudaGraphSpecShape},
}};
constexpr ProtoMessage kModelOptimizationPolicyCudaGraphSpecLowerBound{kModelOptimizationPolicyCudaGraphSpecLowerBoundFields};

constexpr std::array<ProtoField, 3> kModelOptimizationPolicyCudaGraphSpecFields{{
    {1, "batch_size", Kind::kInt32},
    {2, "input", Kind::kMessage, Shape::kMap, &kModelOptimizationPolicyCudaGraphSpecShape},
    {3, "graph_lower_bound", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicyCudaGraphSpecLowerBound},
}};
constexpr ProtoMessage kModelOptimizationPolicyCudaGraphSpec{kModelOptimizationPolicyCudaGraphSpecFields};

constexpr std::array<ProtoField, 4> kModelOptimizationPolicyCudaFields{{
    {1, "graphs", Kind::kBool},
    {2, "busy_wait_events", Kind::kBool},
    {3, "graph_spec", Kind::kMessage, Shape::kRepeated, &kModelOptimizationPolicyCudaGraphSpec},
    {4, "output_copy_stream", Kind::kBool},
}};
constexpr ProtoMessage kModelOptimizationPolicyCuda{kModelOptimizationPolicyCudaFields};

constexpr std::array<ProtoField, 2> kModelOptimizationPolicyExecutionAcceleratorsAcceleratorFields{{
    {1, "name", Kind::kString},
    {2, "parameters", Kind::kString, Shape::kMap},
}};
constexpr ProtoMessage kModelOptimizationPolicyExecutionAcceleratorsAccelerator{kModelOptimizationPolicyExecutionAcceleratorsAcceleratorFields};

constexpr std::array<ProtoField, 2> kModelOptimizationPolicyExecutionAcceleratorsFields{{
    {1, "gpu_execution_accelerator", Kind::kMessage, Shape::kRepeated, &kModelOptimizationPolicyExecutionAcceleratorsAccelerator},
    {2, "cpu_execution_accelerator", Kind::kMessage, Shape::kRepeated, &kModelOptimizationPolicyExecutionAcceleratorsAccelerator},
}};
constexpr ProtoMessage kModelOptimizationPolicyExecutionAccelerators{kModelOptimizationPolicyExecutionAcceleratorsFields};

constexpr std::array<ProtoField, 1> kModelOptimizationPolicyPinnedMemoryBufferFields{{
    {1, "enable", Kind::kBool},
}};
constexpr ProtoMessage kModelOptimizationPolicyPinnedMemoryBuffer{kModelOptimizationPolicyPinnedMemoryBufferFields};

constexpr std::array<ProtoField, 8> kModelOptimizationPolicyFields{{
    {1, "graph", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicyGraph},
    {2, "priority", Kind::kEnum, Shape::kSingular, nullptr, kModelOptimizationPolicyModelPriorityValues},
    {3, "cuda", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicyCuda},
    {4, "execution_accelerators", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicyExecutionAccelerators},
    {5, "input_pinned_memory", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicyPinnedMemoryBuffer},
    {6, "output_pinned_memory", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicyPinnedMemoryBuffer},
    {7, "gather_kernel_buffer_threshold", Kind::kUint32},
    {8, "eager_batching", Kind::kBool},
}};
constexpr ProtoMessage kModelOptimizationPolicy{kModelOptimizationPolicyFields};

constexpr std::array<ProtoField, 1> kModelParameterFields{{
    {1, "string_value", Kind::kString},
}};
constexpr ProtoMessage kModelParameter{kModelParameterFields};

constexpr std::array<ProtoField, 5> kModelWarmupInputFields{{
    {1, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {2, "dims", Kind::kInt64, Shape::kRepeated},
    {3, "zero_data", Kind::kBool, Shape::kOneof},
    {4, "random_data", Kind::kBool, Shape::kOneof},
    {5, "input_data_file", Kind::kString, Shape::kOneof},
}};
constexpr ProtoMessage kModelWarmupInput{kModelWarmupInputFields};

constexpr std::array<ProtoField, 4> kModelWarmupFields{{
    {1, "name", Kind::kString},
    {2, "batch_size", Kind::kUint32},
    {3, "inputs", Kind::kMessage, Shape::kMap, &kModelWarmupInput},
    {4, "count", Kind::kUint32},
}};
constexpr ProtoMessage kModelWarmup{kModelWarmupFields};

constexpr std::array<ProtoField, 1> kModelOperationsFields{{
    {1, "op_library_filename", Kind::kString, Shape::kRepeated},
}};
constexpr ProtoMessage kModelOperations{kModelOperationsFields};

constexpr std::array<ProtoField, 1> kModelTransactionPolicyFields{{
    {1, "decoupled", Kind::kBool},
}};
constexpr ProtoMessage kModelTransactionPolicy{kModelTransactionPolicyFields};

constexpr std::array<ProtoEnumValue, 6> kBatchInputKindValues{{
    {"BATCH_ELEMENT_COUNT", 0},
    {"BATCH_ACCUMULATED_ELEMENT_COUNT", 1},
    {"BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO", 2},
    {"BATCH_MAX_ELEMENT_COUNT_AS_SHAPE", 3},
    {"BATCH_ITEM_SHAPE", 4},
    {"BATCH_ITEM_SHAPE_FLATTEN", 5},
}};

constexpr std::array<ProtoField, 4> kBatchInputFields{{
    {1, "kind", Kind::kEnum, Shape::kSingular, nullptr, kBatchInputKindValues},
    {2, "target_name", Kind::kString, Shape::kRepeated},
    {3, "data_type", Kind::kEnum, Shape::kSingular, nullptr, kDataTypeValues},
    {4, "source_input", Kind::kString, Shape::kRepeated},
}};
constexpr ProtoMessage kBatchInput{kBatchInputFields};

constexpr std::array<ProtoEnumValue, 1> kBatchOutputKindValues{{
    {"BATCH_SCATTER_WITH_INPUT_SHAPE", 0},
}};

constexpr std::array<ProtoField, 3> kBatchOutputFields{{
    {1, "target_name", Kind::kString, Shape::kRepeated},
    {2, "kind", Kind::kEnum, Shape::kSingular, nullptr, kBatchOutputKindValues},
    {3, "source_input", Kind::kString, Shape::kRepeated},
}};
constexpr ProtoMessage kBatchOutput{kBatchOutputFields};

constexpr std::array<ProtoField, 2> kModelRepositoryAgentsAgentFields{{
    {1, "name", Kind::kString},
    {2, "parameters", Kind::kString, Shape::kMap},
}};
constexpr ProtoMessage kModelRepositoryAgentsAgent{kModelRepositoryAgentsAgentFields};

constexpr std::array<ProtoField, 1> kModelRepositoryAgentsFields{{
    {1, "agents", Kind::kMessage, Shape::kRepeated, &kModelRepositoryAgentsAgent},
}};
constexpr ProtoMessage kModelRepositoryAgents{kModelRepositoryAgentsFields};

constexpr std::array<ProtoField, 1> kModelResponseCacheFields{{
    {1, "enable", Kind::kBool},
}};
constexpr ProtoMessage kModelResponseCache{kModelResponseCacheFields};

constexpr std::array<ProtoField, 1> kModelMetricsMetricControlMetricIdentifierFields{{
    {1, "family", Kind::kString},
}};
constexpr ProtoMessage kModelMetricsMetricControlMetricIdentifier{kModelMetricsMetricControlMetricIdentifierFields};

constexpr std::array<ProtoField, 1> kModelMetricsMetricControlHistogramOptionsFields{{
    {1, "buckets", Kind::kDouble, Shape::kRepeated},
}};
constexpr ProtoMessage kModelMetricsMetricControlHistogramOptions{kModelMetricsMetricControlHistogramOptionsFields};

constexpr std::array<ProtoField, 2> kModelMetricsMetricControlFields{{
    {1, "metric_identifier", Kind::kMessage, Shape::kSingular, &kModelMetricsMetricControlMetricIdentifier},
    {2, "histogram_options", Kind::kMessage, Shape::kOneof, &kModelMetricsMetricControlHistogramOptions},
}};
constexpr ProtoMessage kModelMetricsMetricControl{kModelMetricsMetricControlFields};

constexpr std::array<ProtoField, 1> kModelMetricsFields{{
    {1, "metric_control", Kind::kMessage, Shape::kRepeated, &kModelMetricsMetricControl},
}};
constexpr ProtoMessage kModelMetrics{kModelMetricsFields};

constexpr std::array<ProtoField, 25> kModelConfigFields{{
    {1, "name", Kind::kString},
    {2, "platform", Kind::kString},
    {3, "version_policy", Kind::kMessage, Shape::kSingular, &kModelVersionPolicy},
    {4, "max_batch_size", Kind::kInt32},
    {5, "input", Kind::kMessage, Shape::kRepeated, &kModelInput},
    {6, "output", Kind::kMessage, Shape::kRepeated, &kModelOutput},
    {7, "instance_group", Kind::kMessage, Shape::kRepeated, &kModelInstanceGroup},
    {8, "default_model_filename", Kind::kString},
    {9, "cc_model_filenames", Kind::kString, Shape::kMap},
    {10, "metric_tags", Kind::kString, Shape::kMap},
    {11, "dynamic_batching", Kind::kMessage, Shape::kOneof, &kModelDynamicBatching},
    {13, "sequence_batching", Kind::kMessage, Shape::kOneof, &kModelSequenceBatching},
    {15, "ensemble_scheduling", Kind::kMessage, Shape::kOneof, &kModelEnsembling},
    {12, "optimization", Kind::kMessage, Shape::kSingular, &kModelOptimizationPolicy},
    {14, "parameters", Kind::kMessage, Shape::kMap, &kModelParameter},
    {16, "model_warmup", Kind::kMessage, Shape::kRepeated, &kModelWarmup},
    {17, "backend", Kind::kString},
    {18, "model_operations", Kind::kMessage, Shape::kSingular, &kModelOperations},
    {19, "model_transaction_policy", Kind::kMessage, Shape::kSingular, &kModelTransactionPolicy},
    {20, "batch_input", Kind::kMessage, Shape::kRepeated, &kBatchInput},
    {21, "batch_output", Kind::kMessage, Shape::kRepeated, &kBatchOutput},
    {23, "model_repository_agents", Kind::kMessage, Shape::kSingular, &kModelRepositoryAgents},
    {24, "response_cache", Kind::kMessage, Shape::kSingular, &kModelResponseCache},
    {25, "runtime", Kind::kString},
    {26, "model_metrics", Kind::kMessage, Shape::kSingular, &kModelMetrics},
}};

}  // namespace

constinit const ProtoMessage kServerMetadataResponse{kServerMetadataResponseFields};
constinit const ProtoMessage kModelMetadataResponse{kModelMetadataResponseFields};
constinit const ProtoMessage kModelStatisticsResponse{kModelStatisticsResponseFields};
constinit const ProtoMessage kRepositoryIndexResponse{kRepositoryIndexResponseFields};
constinit const ProtoMessage kModelConfig{kModelConfigFields};

}  // namespace tfe::kserve_grpc
