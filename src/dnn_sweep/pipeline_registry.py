"""The registered pipelines."""

from kedro.pipeline import Pipeline

from dnn_sweep.pipelines import (
    evaluation,
    foundations,
    inference,
    ingestion,
    model_building,
    registration,
    reporting,
    scaling,
    tracking,
    training,
)

STAGES = (ingestion, scaling, model_building, training, evaluation, registration, reporting)


def register_pipelines() -> dict[str, Pipeline]:
    """Return the pipelines by name; ``train`` is the stages of a sweep.

    >>> [node.name for node in register_pipelines()["ingestion"].nodes]
    ['validate_source', 'split_rows', 'assign_folds', ...]
    """
    stages = {each.__name__.rpartition(".")[2]: each.create_pipeline() for each in STAGES}
    train = sum(stages.values(), Pipeline([]))
    return {
        **stages,
        "train": train,
        "inference": inference.create_pipeline(),
        "tracking": tracking.create_pipeline(),
        "foundations": foundations.create_pipeline(),
        "__default__": train,
    }
