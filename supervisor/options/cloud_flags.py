"""Flags of `serve` for the SageMaker and Vertex AI frontends: fields of their `Options`."""

from __future__ import annotations

from .flag import Choice, Flag, natural, seconds

CLOUD_FLAGS = (
    Flag("--sagemaker-thread-count", "sagemaker", "thread_count", natural, "threads (default 8)"),
    Flag(
        "--sagemaker-ping-mode",
        "sagemaker",
        "ping_mode",
        Choice(ready="ready", live="live"),
        "what /ping tells (default ready)",
    ),
    Flag(
        "--sagemaker-default-model",
        "sagemaker",
        "default_model",
        str,
        "model of /invocations",
    ),
    Flag(
        "--sagemaker-inference-type",
        "sagemaker",
        "inference_type",
        Choice(infer="infer", generate="generate", generate_stream="generate_stream"),
        "of /invocations (default infer)",
    ),
    Flag(
        "--sagemaker-models-root",
        "sagemaker",
        "models_root",
        str,
        "where the models lie that POST /models may name (default /opt/ml/models)",
    ),
    Flag(
        "--sagemaker-unload-timeout",
        "sagemaker",
        "unload_timeout_s",
        seconds,
        "seconds that DELETE /models/<name> waits for requests in flight (default 350)",
    ),
    Flag(
        "--vertex-ai-predict-route",
        "vertex-ai",
        "predict_route",
        str,
        "path of predictions (default: $AIP_PREDICT_ROUTE)",
    ),
    Flag(
        "--vertex-ai-health-route",
        "vertex-ai",
        "health_route",
        str,
        "path of the health check (default: $AIP_HEALTH_ROUTE)",
    ),
    Flag("--vertex-ai-thread-count", "vertex-ai", "thread_count", natural, "threads (default 8)"),
    Flag("--vertex-ai-default-model", "vertex-ai", "default_model", str, "model of predictions"),
)
