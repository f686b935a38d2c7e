"""Figures, the report page and the summary on the console."""

from dnn_sweep.pipelines.reporting.pipeline import create_pipeline as create_pipeline
