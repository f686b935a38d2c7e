"""The scaling pipeline."""

from dnn_sweep.pipelines.scaling.pipeline import create_pipeline as create_pipeline
