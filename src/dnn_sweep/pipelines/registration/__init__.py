"""The registration pipeline."""

from dnn_sweep.pipelines.registration.pipeline import create_pipeline as create_pipeline
