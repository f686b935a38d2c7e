"""The registered pipelines."""

from kedro.pipeline import Pipeline

from dnn_sweep.pipelines import (
    evaluation,
    inference,
    ingestion,
    model_building,
    registration,
    reporting,
    scaling,
    training,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return the pipelines by name; ``train`` is all of them but ``inference``."""
    stages = {
        "ingestion": ingestion.create_pipeline(),
        "scaling": scaling.create_pipeline(),
        "model_building": model_building.create_pipeline(),
        "training": training.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
        "registration": registration.create_pipeline(),
        "reporting": reporting.create_pipeline(),
    }
    train = sum(stages.values(), Pipeline([]))
    return {
        **stages,
        "train": train,
        "inference": inference.create_pipeline(),
        "__default__": train,
    }
