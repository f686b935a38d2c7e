"""The model_building pipeline."""

from dnn_sweep.pipelines.model_building.pipeline import create_pipeline as create_pipeline
