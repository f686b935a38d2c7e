import numpy as np

from dnn_sweep.core.data.predictions import tabulate_outputs
from dnn_sweep.core.data.schema import Column, Schema, TargetScaling


def schema_for(task: str, classes: tuple) -> Schema:
    columns = (Column(name="x", kind="numeric"),)
    return Schema(task=task, target="t", classes=classes, features=columns, rows=9, fingerprint="f")


def test_one_sigmoid_is_the_second_classs_probability():
    table = tabulate_outputs(
        np.float32([[0.2], [0.9]]), schema_for("binary", ("no", "yes")), TargetScaling()
    )
    assert table["prediction"].tolist() == ["no", "yes"]
    np.testing.assert_allclose(table["probability_yes"], [0.2, 0.9], rtol=1e-6)
    np.testing.assert_allclose(table["probability_no"], [0.8, 0.1], rtol=1e-6)


def test_softmax_gives_labels_in_their_own_type():
    outputs = np.float32([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])
    table = tabulate_outputs(outputs, schema_for("multiclass", (3, 5, 8)), TargetScaling())
    assert list(table) == ["prediction", "probability_3", "probability_5", "probability_8"]
    assert table["prediction"].dtype == np.int64
    assert table["prediction"].tolist() == [5, 3]


def test_a_regression_comes_back_in_the_targets_unit():
    scaling = TargetScaling(mean=100, scale=20)
    table = tabulate_outputs(np.float32([[0.5], [-1]]), schema_for("regression", ()), scaling)
    assert list(table) == ["prediction"]
    assert table["prediction"].tolist() == [110, 80]
