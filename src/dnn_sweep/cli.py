"""The project's commands: ``kedro trials``, and ``kedro run``, which tells mistakes in a line."""

from collections.abc import Iterable

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from dnn_sweep.hooks import report_mistake
from dnn_sweep.parameters.base import listed
from dnn_sweep.runner import OutOfDateRunner
from dnn_sweep.trials_command import trials

RUNNER = "SequentialRunner"
# Options that name the nodes to run, which then run whether or not they are up to date.
CHOSEN_BY_HAND = (
    "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "tags", "runner",
)  # fmt: skip


class CheckedRun(click.Command):
    """Looks at the options before Kedro does, and at what Kedro raises."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the pipeline, or refuse to.

        Raises:
            ClickException: With the mistake, where it was made, and what is allowed.
        """
        given = ctx.params
        if given["runner"] not in (None, RUNNER):
            raise click.ClickException(
                f"--runner: {given['runner']} cannot run these pipelines: training is one node, "
                f"which saves each trial as it ends and uses every core. Allowed: {RUNNER}."
            )
        named = [given["pipeline"]] if given["pipeline"] else list(given["pipelines"] or ())
        _expect("--pipeline", named, pipelines)
        chosen = sum((pipelines[name] for name in named or ["__default__"]), start=Pipeline([]))
        nodes = [node.name for node in chosen.nodes]
        for option, parameter in (
            ("--nodes", "node_names"), ("--from-nodes", "from_nodes"), ("--to-nodes", "to_nodes"),
        ):  # fmt: skip
            _expect(option, given[parameter] or (), nodes)
        _expect("--from-inputs", given["from_inputs"] or (), chosen.datasets())
        _expect("--to-outputs", given["to_outputs"] or (), chosen.datasets())
        _expect("--tags", given["tags"] or (), {tag for node in chosen.nodes for tag in node.tags})
        if not any(given[option] for option in CHOSEN_BY_HAND):
            given["runner"] = OutOfDateRunner.__module__ + "." + OutOfDateRunner.__name__
        try:
            return super().invoke(ctx)
        except Exception as error:
            report_mistake(error)
            raise


def _expect(option: str, names: Iterable[str], known: Iterable[str]) -> None:
    allowed = sorted(known)
    for name in names:
        if name not in allowed:
            raise click.ClickException(f"{option}: there is no {name!r}.{listed(name, allowed)}")


cli = click.Group("dnn_sweep")
cli.add_command(trials)
cli.add_command(
    CheckedRun("run", params=kedro_run.params, callback=kedro_run.callback, help=kedro_run.help)
)
