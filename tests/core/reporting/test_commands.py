"""Suggested commands are read by the shell and by Kedro as they were meant."""

import shlex

import pytest
from kedro.framework.cli.utils import _split_params

from dnn_sweep.core.reporting.commands import (
    PYTHON,
    data_parameters,
    kedro_run,
    more_seeds,
    next_commands,
    same_command,
)
from dnn_sweep.parameters import DataParameters, ScreeningParameters, TrainingParameters
from tests.sample_sweep import sample_sweep
from tests.test_presets import load


@pytest.mark.parametrize(
    "value",
    ["label", "my data.csv", "it's", 'a "b": c', "2020", "007", "yes", "[x", "a #b", "x=y", " x"],
)
def test_a_value_arrives_as_it_is(value):
    parameters = data_parameters(DataParameters(filepath="/a b/my.csv", target=value))
    *words, option = shlex.split(kedro_run("uv run", "train", "my env", parameters))
    assert words == ["uv", "run", "kedro", "run", "--pipeline=train", "--env=my env"]
    read = _split_params(None, None, option.removeprefix("--params="))
    assert read == {"data": {"filepath": "/a b/my.csv", "target": value}}


def test_a_command_is_repeated_as_it_was_started(monkeypatch):
    given = ["/usr/bin/kedro", "run", "--params=data.filepath=my table.csv"]
    assert shlex.split(same_command(given)) == ["kedro", *given[1:]]
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert shlex.split(same_command(given)) == ["uv", "run", "kedro", *given[1:]]


def test_plain_values_are_not_quoted():
    parameters = data_parameters(DataParameters(filepath="my.csv", target="label"))
    assert kedro_run("", "train", "csv", parameters) == (
        "kedro run --pipeline=train --env=csv --params=data.filepath=my.csv,data.target=label"
    )


def test_numbers_arrive_as_numbers_and_sequences_as_sequences():
    own = [
        DataParameters(folder="pets", image_size=48, channels=3, split_column="part"),
        DataParameters(
            filepath="wards.csv", target="ill", sequence={"id": "who", "order": "2020", "steps": 9}
        ),
    ]
    for data in own:
        option = shlex.split(kedro_run("", "train", "mine", data_parameters(data)))[-1]
        read = _split_params(None, None, option.removeprefix("--params="))
        assert DataParameters(**read["data"]) == data
        assert all(
            not str(value).isdigit() or isinstance(value, int)
            for key, value in read["data"].items()
            if key != "sequence"
        )


@pytest.mark.parametrize(
    ("environment", "file"),
    [("digits", "conf/local/parameters.yml"), ("csv", "conf/csv/parameters_ingestion.yml")],
)
def test_a_value_that_the_command_line_cannot_carry_goes_into_a_file(environment, file):
    given = DataParameters(filepath="my.csv", target="height, cm")
    command = kedro_run("", "train", environment, data_parameters(given))
    assert command.endswith(f"--params=data.filepath=my.csv  # after setting data.target in {file}")
    assert "height" not in command  # what stays can be typed, and the shell skips the comment
    assert shlex.split(command, comments=True)[-1] == "--params=data.filepath=my.csv"


def test_models_and_environments_are_quoted_in_every_command():
    scored = {"inference.filepath": "rows.csv"}
    told = next_commands("", "my env", "dnn a", "it's", scored)
    commands = [shlex.split(each) for _, each in told]
    assert all("--env=my env" in words for words in commands[:3])
    assert (
        "--params=inference.filepath=rows.csv,experiment=dnn a,inference.alias=it's" in commands[2]
    )
    assert commands[3][-3:] == ["--env=my env", "--experiment=dnn a", "--alias=it's"]


def configuration_of(seeds, screened=(1000,)):
    swept = sample_sweep(seeds=(0, 1)).configuration
    return swept.model_copy(
        update={
            "training": TrainingParameters(seeds=seeds),
            "screening": ScreeningParameters(enabled=bool(screened), seeds=screened or (1000,)),
        }
    )


@pytest.mark.parametrize(("seeds", "number"), [((0, 1, 2, 3, 4), 45), ((3, 1), 4), ((0,), 5)])
def test_more_seeds_contain_those_that_are_trained(seeds, number):
    command = kedro_run("", "train", "digits", more_seeds(configuration_of(seeds), number))
    read = _split_params(None, None, shlex.split(command)[-1].removeprefix("--params="))
    trained = TrainingParameters(**read["training"]).seeds
    assert len(trained) == number
    assert set(seeds) < set(trained)


@pytest.mark.parametrize(
    ("seeds", "screened", "listed"),
    [
        ((0, 1), (3,), "[0, 1, 2, 4, 5]"),  # no seed of the screening
        ((7000, 7001), (), "[7000, 7001, 0, 1, 2]"),  # not 7,002 seeds
    ],
)
def test_seeds_that_are_not_the_first_ones_go_into_a_file(seeds, screened, listed):
    parameters = more_seeds(configuration_of(seeds, screened), 5)
    assert parameters["training.seeds"] == listed
    assert kedro_run("", "train", "digits", parameters) == (
        "kedro run --pipeline=train  # after setting training.seeds in conf/local/parameters.yml"
    )
    assert kedro_run("", "train", "mine", parameters).endswith("conf/mine/parameters_training.yml")


GIVEN = ",".join(
    [
        """data.filepath='my "table" #1.csv'""",
        """data.target="it's\"""",
        "data.ignore=a b",
        "training.epochs=3",
        "screening.enabled=false",
        "split.folds=null",
        "network.l2=1e-05",
        "sweep.fresh=true",
    ]
)


def test_the_command_that_does_it_again_gives_every_parameter_that_was_given():
    """Through Kedro's own parsing and the project's configuration, as a second run would."""
    given = _split_params(None, None, GIVEN)
    before = load("csv", **given)
    named = before["globals"]["given"]
    assert named["data.filepath"] == 'my "table" #1.csv'
    sweep = sample_sweep(experiment=before["globals"]["experiment"])
    sweep.change_data(filepath=named["data.filepath"], target=named["data.target"])
    command = sweep.results(environment="csv", given=named).command
    *words, option = shlex.split(command)
    assert words == ["kedro", "run", "--pipeline=train", "--env=csv"]
    again = _split_params(None, None, option.removeprefix("--params="))
    del given["sweep"]  # starting over is for one run
    assert again == given
    after = load("csv", **again)["parameters"]
    for group, expected in before["parameters"].items():
        if group not in ("sweep", "given"):
            assert after[group] == expected


def test_a_call_has_the_short_names_and_nothing_that_sweep_does_not_take():
    given = {"data.target": "y", "training.class_weight": "balanced", "budget.minutes": 10}
    assert kedro_run(PYTHON, "train", "csv", given | {"training.seeds": "[0, 3]"}) == (
        "sweep(…, minutes=10, seeds=[0, 3], training={'class_weight': 'balanced'})"
        "  # in the same folder, with the same other arguments"
    )
    # What brings MLflow up to date from a shell is a pipeline of its own.
    same = "sweep(…)  # in the same folder, with the same arguments"
    assert kedro_run(PYTHON, "tracking", "csv", {"experiment": "iris"}) == same
