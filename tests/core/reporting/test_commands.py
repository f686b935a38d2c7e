"""Suggested commands are read by the shell and by Kedro as they were meant."""

import shlex

import pytest
from kedro.framework.cli.utils import _split_params

from dnn_sweep.core.reporting.commands import data_parameters, kedro_run, next_commands
from dnn_sweep.parameters import DataParameters


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
    commands = [shlex.split(each) for _, each in next_commands("", "my env", "dnn a", "it's")]
    assert all("--env=my env" in words for words in commands[:3])
    assert "--params=inference.filepath=rows.csv,inference.alias=it's" in commands[2]
    assert "models:/dnn a@it's" in commands[3]
