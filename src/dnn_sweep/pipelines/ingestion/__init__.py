"""The ingestion pipeline."""

from dnn_sweep.pipelines.ingestion.pipeline import create_pipeline as create_pipeline
