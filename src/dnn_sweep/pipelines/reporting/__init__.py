"""Figures, the report page and the console's last words."""

from dnn_sweep.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
