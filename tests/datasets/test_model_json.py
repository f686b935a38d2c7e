import inspect
import json
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError
from pydantic import BaseModel

from dnn_sweep.core.data.schema import Column, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.datasets.model_json import ModelJSONDataset
from dnn_sweep.parameters import GridParameters
from tests.sample_sweep import sample_sweep

SCHEMA = Schema(
    task="multiclass",
    target="größe",
    classes=(0, 1, 2),
    features=(Column(name="a", kind="numeric"), Column(name="b", kind="categorical")),
    dropped={"c": "constant"},
    shape=(1, 2),
    rows=30,
    fingerprint="ab",
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "schema.json"


@pytest.fixture
def dataset(path):
    return ModelJSONDataset(str(path), "dnn_sweep.core.data.schema.Schema")


@pytest.mark.parametrize("classes", [(0, 1), (False, True), (0.5, 1.5), ("no", "yes"), ()])
def test_a_model_comes_back_equal_with_its_types(dataset, classes):
    schema = SCHEMA.model_copy(update={"classes": classes})

    dataset.save(schema)
    loaded = dataset.load()

    assert loaded == schema
    assert [type(each) for each in loaded.classes] == [type(each) for each in classes]


class Scores(BaseModel):
    val_loss: float
    by_seed: tuple[float, ...]
    further: dict[str, Any]


def test_nan_and_infinity_come_back(path):
    dataset = ModelJSONDataset(str(path), f"{__name__}.Scores")

    dataset.save(Scores(val_loss=nan, by_seed=(inf, -inf, 0.5), further={"auc": nan, "n": None}))
    loaded = dataset.load()

    assert isnan(loaded.val_loss)
    assert loaded.by_seed == (inf, -inf, 0.5)
    assert isnan(loaded.further["auc"])
    assert loaded.further["n"] is None


def test_a_configuration_with_a_schedule_comes_back(path):
    adam = {"adam": {"schedule": {"class": "CosineDecay", "alpha": 0.1}}}
    configuration = sample_sweep([("relu", "adam")]).configuration.model_copy(
        update={"grid": GridParameters(activations=["relu"], optimizers=["sgd", adam])}
    )
    dataset = ModelJSONDataset(str(path), "dnn_sweep.parameters.Configuration")

    dataset.save(configuration)

    assert dataset.load() == configuration


def test_the_file_is_indented_json(dataset, path):
    dataset.save(SCHEMA)

    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["target"] == "größe"
    assert '\n  "task": "multiclass"' in text


def test_a_failed_save_keeps_the_file_of_before(dataset, path, monkeypatch):
    dataset.save(SCHEMA)

    def write_half(self, content):
        self.open("wb").write(content[:10])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(DatasetError, match="disk full"):
        dataset.save(SCHEMA.model_copy(update={"rows": 1}))

    assert dataset.load() == SCHEMA
    assert list(path.parent.iterdir()) == [path]


def test_another_model_is_not_saved(dataset, path):
    with pytest.raises(DatasetError, match=r"expected a .*Schema, got a TargetScaling"):
        dataset.save(TargetScaling())

    assert not path.exists()


def test_a_missing_file_names_the_pipeline_that_writes_it(dataset):
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="kedro run --pipeline=train`") as caught:
        dataset.load()
    assert isinstance(caught.value.__cause__, SweepError)


@pytest.mark.parametrize(
    ("content", "place"), [('{"task": "guess"}', "task: "), ("{", "the file: Invalid JSON")]
)
def test_a_file_that_is_not_of_the_model_says_where(dataset, path, content, place):
    path.parent.mkdir()
    path.write_text(content)

    with pytest.raises(DatasetError, match=f"does not hold a Schema: {place}") as caught:
        dataset.load()
    assert isinstance(caught.value.__cause__, SweepError)


def test_the_preview_is_json_for_kedro_viz(dataset):
    dataset.save(SCHEMA)

    assert json.loads(dataset.preview())["rows"] == 30
    # Kedro-Viz chooses how to show it by the name of the return type.
    assert inspect.signature(dataset.preview).return_annotation.__name__ == "JSONPreview"


def test_an_optional_model_stands_for_a_file_that_is_not_there(path):
    rounds = "dnn_sweep.core.plan.rounds.Rounds"
    optional = ModelJSONDataset(str(path), rounds, optional=True)
    assert optional.load() == Rounds()
    assert optional.exists()
    with pytest.raises(DatasetError, match="There is no"):
        ModelJSONDataset(str(path), rounds).load()


def test_a_model_that_is_saved_again_unchanged_is_not_written_again(dataset, path):
    dataset.save(SCHEMA)
    first = path.stat().st_ino
    dataset.save(SCHEMA)
    assert path.stat().st_ino == first
    path.unlink()
    dataset.save(SCHEMA)
    assert dataset.load() == SCHEMA
