import numpy as np
import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from dnn_sweep.core.data.arrays import TrainingData, matrix_fingerprint
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
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
        "folds": pd.DataFrame(),
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


def test_weights_stay_beside_the_target_and_are_no_feature():
    schema = schema_of("multiclass").model_copy(update={"sample_weight": "w"})
    rows = rows_between(0, 10).assign(w=[1.0, 2, 0, 0.1, 1, 1])
    preprocessor, target_scaling = fit_preprocessor(rows, schema, ScalingParameters())
    matrix = scale_rows(rows, preprocessor, target_scaling, schema)

    assert list(matrix.columns) == [
        *(f"numeric__x{i}" for i in range(4)),
        "target",
        "sample_weight",
    ]
    data = TrainingData.from_matrices(matrix, matrix)
    assert data.x_train.shape == (6, 4)
    assert data.x_validation.shape == (6, 4)
    np.testing.assert_array_equal(data.sample_weights, np.float32([1, 2, 0, 0.1, 1, 1]))
    heavier = matrix.assign(sample_weight=matrix["sample_weight"] * np.float32(2))
    plain = matrix.drop(columns="sample_weight")
    assert len({matrix_fingerprint(each) for each in (matrix, heavier, plain)}) == 3
    assert TrainingData.from_matrices(plain, plain).sample_weights is None


def test_tables_without_weights_keep_their_fingerprint():
    """Trials are found again by it: this one was computed before there were weights."""
    matrix = pd.DataFrame(
        {"numeric__x": np.float32([0.5, 1.0]), "target": np.array([0, 1], dtype=np.int32)}
    )
    before = "41035359aac6b85513feb087"  # pragma: allowlist secret
    assert matrix_fingerprint(matrix, matrix).startswith(before)
