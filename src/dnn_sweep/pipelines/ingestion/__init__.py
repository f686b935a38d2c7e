"""The ingestion pipeline."""

from dnn_sweep.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
