"""The tracking pipeline."""

from dnn_sweep.pipelines.tracking.pipeline import create_pipeline as create_pipeline
