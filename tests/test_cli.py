"""The options of ``kedro run`` that are checked before Kedro looks at them."""

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pipeline=trian"], "--pipeline: there is no 'trian'. Did you mean 'train'? Allowed: "),
        (["--pipelines=train,scalign"], "there is no 'scalign'. Did you mean 'scaling'?"),
        (["--nodes=draw_heatmpa"], "--nodes: there is no 'draw_heatmpa'. Did you mean 'draw_heat"),
        (["--pipeline=scaling", "--from-nodes=draw_heatmap"], "--from-nodes: there is no 'draw_he"),
        (["--to-outputs=leaderbord"], "--to-outputs: there is no 'leaderbord'. Did you mean 'lea"),
        (["--tags=trainig"], "--tags: there is no 'trainig'. Did you mean 'training'?"),
        (["--params=training.epochs=["], "--params: a value cannot be read as YAML: "),
        (["--runner=ParallelRunner"], "ParallelRunner cannot run these pipelines"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(arguments, told, monkeypatch):
    monkeypatch.chdir(ROOT)
    bootstrap_project(ROOT)
    from dnn_sweep.cli import cli

    done = CliRunner().invoke(cli, ["run", *arguments])

    assert done.exit_code == 1
    assert told in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_node_may_be_named_with_or_without_its_stage(monkeypatch):
    monkeypatch.chdir(ROOT)
    bootstrap_project(ROOT)
    from dnn_sweep.cli import cli

    asked = []
    monkeypatch.setattr("click.Command.invoke", lambda _, ctx: asked.append(ctx.params))
    for name in ("add_verdicts", "evaluation.add_verdicts"):
        command = cli.commands["run"]
        command.invoke(command.make_context("run", [f"--to-nodes={name}"]))
    assert [list(params["to_nodes"]) for params in asked] == [["evaluation.add_verdicts"]] * 2


def test_the_help_is_kedros_own():
    bootstrap_project(ROOT)
    from dnn_sweep.cli import cli

    assert "--only-missing-outputs" in CliRunner().invoke(cli, ["run", "--help"]).output
