"""The inference pipeline."""

from dnn_sweep.pipelines.inference.pipeline import create_pipeline as create_pipeline
