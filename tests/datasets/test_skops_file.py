import collections

import numpy as np
import pandas as pd
import pytest
import skops.io
from kedro.io import DatasetError
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.skops_file import SkopsDataset

ROWS = pd.DataFrame(
    {
        "size": [1.5, np.nan, 3.0, 4.0],
        "count": pd.array([1, 2, 3, 4], dtype="uint8"),
        "sold": [1.0, 0.0, np.nan, 1.0],
        "colour": pd.Series(["red", None, "blue", "red"], dtype="str"),
        "code": pd.Series([7.0, 8.0, np.nan, 7.0]),
    }
)


def fit():
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return ColumnTransformer(
        [
            (
                "standard",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                ["size"],
            ),
            ("minmax", MinMaxScaler(), ["count"]),
            ("boolean", SimpleImputer(strategy="most_frequent"), ["sold"]),
            ("text", categories, ["colour"]),
            ("gaps", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
            ("numbers", categories, ["code"]),
        ]
    ).fit(ROWS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "preprocessor.skops"


def mistake(dataset):
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    assert isinstance(caught.value.__cause__, SweepError)
    return str(caught.value.__cause__)


def test_a_fitted_preprocessor_comes_back_and_transforms_alike(path):
    fitted, new = fit(), ROWS.assign(colour=["green", "red", None, "blue"])

    SkopsDataset(str(path)).save(fitted)
    loaded = SkopsDataset(str(path)).load()

    for rows in (ROWS, new):
        np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))
    np.testing.assert_array_equal(loaded.get_feature_names_out(), fitted.get_feature_names_out())


def test_a_type_that_is_not_trusted_is_refused_by_name(path):
    dataset = SkopsDataset(str(path))
    dataset.save({"scaler": StandardScaler(), "other": collections.Counter("a")})

    message = mistake(dataset)

    assert str(path) in message
    assert "collections.Counter" in message
    assert "numpy.dtype" in message


def test_a_type_listed_as_trusted_is_read(path):
    dataset = SkopsDataset(str(path), trusted=["collections.Counter"])
    dataset.save(collections.Counter("aab"))

    assert dataset.load() == collections.Counter("aab")


def test_the_default_trusts_nothing_that_skops_would_not_need(path):
    assert set(skops.io.get_untrusted_types(data=skops.io.dumps(fit()))) <= {"numpy.dtype"}


@pytest.mark.parametrize("content", [b"", b"not a zip file"])
def test_a_damaged_file_is_refused(path, content):
    path.parent.mkdir()
    path.write_bytes(content)

    assert "damaged" in mistake(SkopsDataset(str(path)))


def test_a_zip_file_of_something_else_is_refused(path):
    import zipfile

    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")

    assert "damaged" in mistake(SkopsDataset(str(path)))


def test_a_missing_file_names_the_pipeline_that_writes_it(path):
    dataset = SkopsDataset(str(path), written_by="scaling")

    assert not dataset.exists()
    assert "kedro run --pipeline=scaling" in mistake(dataset)
