import os
import shutil
from pathlib import Path

import pytest
from kedro.io import AbstractDataset, DatasetError

from dnn_sweep import parameters as models
from dnn_sweep.datasets import user_paths
from dnn_sweep.datasets.idx import IdxImagesDataset
from dnn_sweep.datasets.image_folder import ImageFolderDataset
from dnn_sweep.datasets.run_lock import RunLockDataset
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.experiment_name import ExperimentConfigLoader
from dnn_sweep.settings import CONFIG_LOADER_ARGS, project_path

CONF = Path(__file__).resolve().parents[1] / "conf"
GROUPS = {
    "data": models.DataParameters,
    "split": models.SplitParameters,
    "scaling": models.ScalingParameters,
    "network": models.NetworkParameters,
    "grid": models.GridParameters,
    "training": models.TrainingParameters,
    "screening": models.ScreeningParameters,
    "search": models.SearchParameters,
    "callbacks": models.CallbackParameters,
    "logs": models.LoggingParameters,
    "evaluation": models.EvaluationParameters,
    "registration": models.RegistrationParameters,
    "inference": models.InferenceParameters,
}
DATASETS = {
    "mnist": IdxImagesDataset,
    "fashion_mnist": IdxImagesDataset,
    "breast_cancer": ToyDataset,
    "diabetes": ToyDataset,
    "csv": TableFileDataset,
    "xor": ToyDataset,
    "image_folder": ImageFolderDataset,
    "mnist_cnn": IdxImagesDataset,
    "fashion_mnist_cnn": IdxImagesDataset,
    "mnist_lstm": IdxImagesDataset,
    "fashion_mnist_dropout": IdxImagesDataset,
    "fashion_mnist_sigmoid": IdxImagesDataset,
    "mnist_batch_size": IdxImagesDataset,
    "mnist_early_stopping": IdxImagesDataset,
    "keras_mnist_mlp": IdxImagesDataset,
    "algoperf_mnist": IdxImagesDataset,
    "simard_mnist": IdxImagesDataset,
    "fashion_mnist_mlp": IdxImagesDataset,
}
GIVEN = {"csv": {"data": {"filepath": "my.csv", "target": "label"}}}


def load(experiment, /, **runtime_params):
    return ExperimentConfigLoader(
        conf_source=str(CONF), env=experiment, runtime_params=runtime_params, **CONFIG_LOADER_ARGS
    )


def read_parameters(experiment, **runtime_params):
    groups = load(experiment, **runtime_params)["parameters"]
    return {name: model(**groups[name]) for name, model in GROUPS.items()}


def raw_table(experiment, **runtime_params):
    config = load(experiment, **runtime_params)["catalog"]["raw_table"]
    return AbstractDataset.from_config("raw_table", config)


@pytest.mark.parametrize("experiment", DATASETS)
def test_a_preset_is_valid_and_has_a_data_set_of_its_own(experiment):
    given = GIVEN.get(experiment, {})

    read_parameters(experiment, **given)

    assert isinstance(raw_table(experiment, **given), DATASETS[experiment])
    assert load(experiment)["globals"]["experiment"] == experiment
    schema = load(experiment)["catalog"]["schema"]["filepath"]
    assert schema == f"data/02_intermediate/{experiment}/schema.json"


@pytest.mark.parametrize("experiment", ["mnist", "fashion_mnist"])
def test_image_presets_train_three_combinations_of_one_deep_network(experiment):
    preset = read_parameters(experiment)

    assert [(each.activation, each.optimizer) for each in preset["grid"].only] == [
        ("sigmoid", "sgd"),
        ("relu", "sgd"),
        ("relu", "adam"),
    ]
    assert [layer.units for layer in preset["network"].hidden] == [64, 128, 256, 128, 64]
    assert (preset["training"].batch_size, preset["training"].epochs) == (128, 20)
    assert preset["scaling"].numeric == "minmax"
    assert preset["split"].validation == 0.2
    assert preset["data"].image_shape == (28, 28)
    assert (preset["data"].target, preset["data"].split_column) == ("label", "split")


@pytest.mark.parametrize("experiment", ["mnist", "fashion_mnist"])
def test_image_presets_download_into_the_project_unless_told_of_a_folder(experiment, monkeypatch):
    monkeypatch.delenv("DNN_SWEEP_SOURCE_DIR", raising=False)
    described = raw_table(experiment)._describe()
    assert described == {"folder": project_path("data/01_raw", experiment), "source_dir": None}

    monkeypatch.setenv("DNN_SWEEP_SOURCE_DIR", "from_environment")
    assert raw_table(experiment)._describe()["source_dir"] == "from_environment"

    told = raw_table(experiment, data={"source_dir": "from_params"})
    assert told._describe()["source_dir"] == "from_params"


@pytest.mark.parametrize(
    "given", [{}, {"folder": "pets", "image_size": 48, "channels": 3, "split_column": "part"}]
)
def test_image_folder_reads_what_its_parameters_say(given):
    parameters = read_parameters("image_folder", data=given)["data"]
    dataset = raw_table("image_folder", data=given)

    for name in ("folder", "image_size", "channels", "split_column"):
        assert getattr(dataset, name) == getattr(parameters, name)
    assert parameters.shape == ((48, 48, 3) if given else (32, 32, 1))


@pytest.mark.parametrize(
    ("experiment", "target", "task"),
    [
        ("breast_cancer", "diagnosis", "binary"),
        ("diabetes", "progression", "regression"),
        ("csv", "label", "auto"),
    ],
)
def test_table_presets_standardise_and_show_no_images(experiment, target, task):
    preset = read_parameters(experiment, **GIVEN.get(experiment, {}))

    assert (preset["data"].target, preset["data"].task) == (target, task)
    assert preset["data"].image_shape is None
    assert preset["scaling"].numeric == "standard"
    assert preset["grid"].only == ()


@pytest.mark.parametrize("experiment", ["breast_cancer", "diabetes"])
def test_a_toy_preset_predicts_a_column_of_its_table(experiment):
    assert read_parameters(experiment)["data"].target in raw_table(experiment).load().columns


def test_csv_takes_its_file_from_the_command_line():
    table = raw_table("csv", **GIVEN["csv"])

    assert table._describe()["filepath"] == "my.csv"
    assert read_parameters("csv", **GIVEN["csv"])["data"].filepath == "my.csv"


def test_csv_takes_no_target_over_from_the_default_experiment():
    assert read_parameters("csv", data={"filepath": "my.csv"})["data"].target is None


def test_csv_without_a_file_asks_for_one_when_it_is_read():
    with pytest.raises(DatasetError, match=r"--params=data\.filepath=my\.csv,data\.target=label"):
        raw_table("csv").load()


def names(environment, /, **runtime_params):
    """The experiment's name, and a path, an MLflow experiment and parameters that have it."""
    config = load(environment, **runtime_params)
    parameters = config["parameters"]
    return (
        config["globals"]["experiment"],
        config["catalog"]["schema"]["filepath"],
        config["mlflow"]["tracking"]["experiment"]["name"],
        config["catalog"]["registered_model"]["name"],
        parameters["experiment"],
        parameters["environment"],
    )


def named(name, environment):
    path = f"data/02_intermediate/{name}/schema.json"
    return name, path, f"dnn_sweep/{name}", f"dnn_sweep_{name}", name, environment


@pytest.mark.parametrize(
    ("filepath", "name"),
    [
        ("my.csv", "my"),
        ("folder/my table #2.xlsx", "my_table_2"),
        ("../Umsätze.2024.csv.gz", "Umsätze_2024"),
        ("digits.csv", "digits_table"),  # not the outputs of the preset
        ("...", "table"),
    ],
)
def test_an_own_table_names_its_experiment(filepath, name):
    assert names("csv", data={"filepath": filepath}) == named(name, "csv")


@pytest.mark.parametrize("environment", ["csv", "breast_cancer"])
def test_an_experiment_can_be_given_a_name(environment):
    assert names(environment, experiment="mine") == named("mine", environment)
    given = {"experiment": "mine", "data": {"filepath": "my.csv"}}
    assert names(environment, **given) == named("mine", environment)


def test_a_file_names_no_other_experiment():
    assert names("diabetes", data={"filepath": "my.csv"}) == named("diabetes", "diabetes")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A project in which this was run, the last one last: ``--env`` and parameters."""
    monkeypatch.setattr(user_paths, "PROJECT_ROOT", tmp_path)

    def run(environment, /, *, was_read=True, **runtime_params):
        run.age += 1
        catalog = load(environment, **runtime_params)["catalog"]
        config = catalog["run_lock"]
        path = tmp_path / config["filepath"]
        RunLockDataset(str(path), config["environment"]).load().release()
        if was_read:
            schema = tmp_path / catalog["schema"]["filepath"]
            schema.parent.mkdir(parents=True, exist_ok=True)
            schema.touch()
        os.utime(path.with_name(".environment"), (run.age, run.age))

    run.age = 0
    return run


def test_a_command_without_a_file_goes_on_with_the_table_of_the_last_one(runs):
    assert names("csv") == named("csv", "csv")
    runs("csv", data={"filepath": "newer.csv"})
    runs("csv", experiment="older")
    runs("csv", data={"filepath": "newer.csv"})
    runs("digits")
    runs("digits", experiment="try2")  # no table's
    runs("csv", was_read=False, data={"filepath": "misspelt.csv"})
    assert names("csv") == named("newer", "csv")


def test_a_copy_of_csv_with_a_name_of_its_own_follows_no_other_table(runs, tmp_path):
    shutil.copytree(CONF, tmp_path / "conf")
    copy = shutil.copytree(CONF / "csv", tmp_path / "conf" / "mine") / "globals.yml"
    copy.write_text(copy.read_text().replace("experiment: csv", "experiment: mine"))
    runs("csv", data={"filepath": "other.csv"})
    loader = ExperimentConfigLoader(str(tmp_path / "conf"), env="mine", **CONFIG_LOADER_ARGS)
    assert loader["globals"]["experiment"] == "mine"
    assert names("csv") == named("other", "csv")
