"""The evaluation pipeline."""

from dnn_sweep.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
