import pytest
from kedro.io import DataCatalog, DatasetError

from dnn_sweep.datasets.combination_metrics import CombinationMetricsDataset
from dnn_sweep.datasets.console import ConsoleDataset
from dnn_sweep.datasets.idx import IdxImagesDataset
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.stage_seconds import StageSecondsDataset
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.training_display import TrainingDisplayDataset
from dnn_sweep.datasets.trial_runs import TrialRunsDataset
from dnn_sweep.datasets.version_description import VersionDescriptionDataset

NAMES = ("train_images", "train_labels", "test_images", "test_labels")
READ_ONLY = [
    IdxImagesDataset("folder", [], {name: {"name": name, "sha256": "0"} for name in NAMES}),
    ModelAliasesDataset(name="model"),
    StageSecondsDataset(),
    TableFileDataset("table.csv"),
    ToyDataset("digits"),
    TrainingDisplayDataset(),
]
WRITE_ONLY = [
    CombinationMetricsDataset("data"),
    ConsoleDataset(),
    TrialRunsDataset("data"),
    VersionDescriptionDataset(),
]


@pytest.mark.parametrize("dataset", READ_ONLY, ids=lambda each: type(each).__name__)
def test_what_is_read_only_refuses_to_be_saved_to(dataset):
    with pytest.raises(DatasetError, match=f"{type(dataset).__name__} is read-only"):
        dataset.save("anything")


@pytest.mark.parametrize("dataset", WRITE_ONLY, ids=lambda each: type(each).__name__)
def test_what_is_write_only_refuses_to_be_loaded(dataset):
    with pytest.raises(DatasetError, match=f"{type(dataset).__name__} is write-only"):
        dataset.load()


def test_kedro_shows_what_identifies_a_dataset_and_plugins_read_its_metadata():
    dataset = ToyDataset("digits", metadata={"kedro-viz": {"layer": "raw"}})

    assert "name='digits'" in repr(dataset)
    assert "layer" not in repr(dataset)
    assert dataset.metadata == {"kedro-viz": {"layer": "raw"}}


def test_kedro_can_write_an_entry_back():
    entry = {"type": "dnn_sweep.datasets.toy.ToyDataset", "name": "digits"}
    catalog = DataCatalog.from_config({"rows": {**entry, "metadata": {"layer": "raw"}}})

    assert isinstance(catalog["rows"], ToyDataset)  # made only now
    assert catalog.to_config()[0]["rows"] == entry
