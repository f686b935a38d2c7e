"""Small experiments that show what a network is made of."""

from dnn_sweep.pipelines.foundations.pipeline import create_pipeline

__all__ = ["create_pipeline"]
