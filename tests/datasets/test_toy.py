import pandas as pd
import pytest
from kedro.io import DatasetError

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.toy import ToyDataset


@pytest.mark.parametrize(
    ("name", "rows", "features", "target", "values"),
    [
        ("digits", 1797, 64, "digit", set(range(10))),
        ("breast_cancer", 569, 30, "diagnosis", {"malignant", "benign"}),
        ("iris", 150, 4, "species", {"setosa", "versicolor", "virginica"}),
        ("wine", 178, 13, "cultivar", {"class_0", "class_1", "class_2"}),
    ],
)
def test_a_table_holds_the_features_and_the_named_target(name, rows, features, target, values):
    table = ToyDataset(name).load()

    assert table.shape == (rows, features + 1)
    assert table.columns[-1] == target
    assert set(table[target]) == values
    assert isinstance(table.index, pd.RangeIndex)


def test_digits_name_their_pixels_by_row_and_column():
    columns = ToyDataset("digits").load().columns

    assert list(columns[:9]) == [f"pixel_0_{i}" for i in range(8)] + ["pixel_1_0"]
    assert columns[63] == "pixel_7_7"


def test_most_tumours_of_breast_cancer_are_benign():
    assert ToyDataset("breast_cancer").load()["diagnosis"].value_counts()["benign"] == 357


def test_diabetes_keeps_the_units_of_its_features():
    table = ToyDataset("diabetes").load()

    assert table.shape == (442, 11)
    assert table["age"].between(19, 79).all()
    assert table["progression"].between(25, 346).all()


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(DatasetError, match="Did you mean 'digits'") as caught:
        ToyDataset("digit").load()

    assert isinstance(caught.value.__cause__, SweepError)


def test_the_preview_is_the_first_rows():
    preview = ToyDataset("iris").preview(nrows=2)

    assert preview["columns"][-1] == "species"
    assert [row[-1] for row in preview["data"]] == ["setosa", "setosa"]
