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

    A stage is a namespace, which Kedro-Viz folds into one box; its datasets keep their names.

    >>> [node.name for node in register_pipelines()["scaling"].nodes]
    ['scaling.fit_preprocessor', 'scaling.scale_folds', ...]
    """
    names = {each.__name__.rpartition(".")[2]: each for each in STAGES}
    stages = {
        name: Pipeline(each.create_pipeline(), namespace=name, prefix_datasets_with_namespace=False)
        for name, each in names.items()
    }
    train = sum(stages.values(), Pipeline([]))
    return {
        **stages,
        "train": train,
        "inference": inference.create_pipeline(),
        "tracking": tracking.create_pipeline(),
        "foundations": foundations.create_pipeline(),
        "__default__": train,
    }
