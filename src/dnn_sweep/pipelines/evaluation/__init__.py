"""The evaluation pipeline."""

from dnn_sweep.pipelines.evaluation.pipeline import create_pipeline as create_pipeline
