import numpy as np
import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from dnn_sweep.parameters import ScalingParameters
from dnn_sweep.pipelines.scaling import create_pipeline
from tests.builders import schema_of


def rows_between(low, high):
    values = np.linspace(low, high, 6)
    return pd.DataFrame({f"x{i}": values for i in range(4)} | {"t": [0, 1, 2] * 2})


def test_every_split_is_scaled_by_what_was_fitted_on_the_training_rows():
    inputs = {
        "train_rows": rows_between(0, 10),
        "validation_rows": rows_between(10, 20),
        "test_rows": rows_between(-10, 0),
        "schema": schema_of("multiclass"),
        "params:scaling": ScalingParameters(numeric="minmax"),
    }
    outputs = [f"{split}_matrix" for split in ("train", "validation", "test")]
    catalog = DataCatalog(
        {name: MemoryDataset(data) for name, data in inputs.items()}
        | {name: MemoryDataset() for name in outputs}
    )
    SequentialRunner().run(create_pipeline(), catalog)

    ranges = {
        name: catalog.load(name)["numeric__x0"].agg(["min", "max"]).tolist() for name in outputs
    }
    assert ranges == {
        "train_matrix": [0, 1],
        "validation_matrix": [1, 2],
        "test_matrix": [-1, 0],
    }
    assert catalog.load("test_matrix")["target"].tolist() == [0, 1, 2] * 2
