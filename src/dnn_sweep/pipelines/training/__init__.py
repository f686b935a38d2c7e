"""The training pipeline."""

from dnn_sweep.pipelines.training.pipeline import create_pipeline as create_pipeline
