"""The project's commands: ``trials``, ``serve``, and ``run``, which tells mistakes in a line.

``kedro viz run`` is Kedro-Viz's, with another first view.
"""

import signal
import sys
from collections.abc import Iterable

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro_viz.launchers.cli.main import viz
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dnn_sweep.core.errors import PartlyFailedError, SweepInterruptedError
from dnn_sweep.core.reporting.commands import same_command
from dnn_sweep.core.training.interrupts import SIGNALS, Interrupts, exit_status
from dnn_sweep.failures import tell
from dnn_sweep.hooks import report_mistake
from dnn_sweep.parameters.base import listed
from dnn_sweep.runner import OutOfDateRunner
from dnn_sweep.serve_command import serve
from dnn_sweep.sparing_runner import SparingRunner
from dnn_sweep.startup import IS_RUN
from dnn_sweep.trials_command import trials

RUNNER = "SequentialRunner"
ENDINGS = (SweepInterruptedError, click.exceptions.Exit, click.Abort)  # no failures
# Options that name the nodes to run, which then run whether or not they are up to date.
CHOSEN_BY_HAND = (
    "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "tags", "runner",
)  # fmt: skip


class CheckedRun(click.Command):
    """Looks at the options before Kedro does, at what Kedro raises, and at signals."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; Kedro lets OmegaConf read the values of ``--params``.

        Raises:
            ClickException: If a value is no YAML.
        """
        try:
            return super().parse_args(ctx, args)
        except (YAMLError, OmegaConfBaseException) as error:
            said = " ".join(str(error).split())
            raise click.ClickException(
                f"--params: a value cannot be read as YAML: {said}"
            ) from None

    def invoke(self, ctx: click.Context) -> object:
        """Run the pipeline, or refuse to.

        After Ctrl-C or SIGTERM, say what is kept and which command goes on.

        Raises:
            ClickException: With the mistake, where it was made, and what is allowed.
        """
        try:
            with Interrupts().listening():
                return self._invoke(ctx)
        except SweepInterruptedError as stop:
            said, status = str(stop), stop.status
        except KeyboardInterrupt as stop:
            said, status = "interrupted; every trial that was trained is kept", exit_status(stop)
        finally:
            _end_at_once_from_now_on()
        click.echo(f"{said}\nto go on: {same_command(sys.argv)}", err=True)
        return ctx.exit(status)

    def _invoke(self, ctx: click.Context) -> object:
        given = ctx.params
        if given["runner"] not in (None, RUNNER):
            raise click.ClickException(
                f"--runner: {given['runner']} cannot run these pipelines: training is one node, "
                f"which saves each trial as it ends and uses every core. Allowed: {RUNNER}."
            )
        named = [given["pipeline"]] if given["pipeline"] else list(given["pipelines"] or ())
        _expect("--pipeline", named, pipelines)
        chosen = sum((pipelines[name] for name in named or ["__default__"]), start=Pipeline([]))
        # A stage's nodes bear its name in front, which need not be typed.
        nodes = {node.short_name: node.name for node in chosen.nodes}
        for option, parameter in (
            ("--nodes", "node_names"), ("--from-nodes", "from_nodes"), ("--to-nodes", "to_nodes"),
        ):  # fmt: skip
            names = given[parameter] or ()
            _expect(option, [name for name in names if name not in nodes.values()], nodes)
            given[parameter] = [nodes.get(name, name) for name in names]
        _expect("--from-inputs", given["from_inputs"] or (), chosen.datasets())
        _expect("--to-outputs", given["to_outputs"] or (), chosen.datasets())
        _expect("--tags", given["tags"] or (), {tag for node in chosen.nodes for tag in node.tags})
        by_hand = any(given[option] for option in CHOSEN_BY_HAND)
        runner = SparingRunner if by_hand else OutOfDateRunner
        given["runner"] = f"{runner.__module__}.{runner.__name__}"
        try:
            return super().invoke(ctx)
        except (click.ClickException, *ENDINGS) as error:
            if isinstance(error.__cause__, PartlyFailedError):
                raise click.ClickException(tell(error.__cause__)) from error
            raise
        except Exception as error:
            report_mistake(error)
            raise click.ClickException(tell(error)) from error


def _end_at_once_from_now_on() -> None:
    """Leave signals to the system: nothing is left to do, and Python would show a traceback."""
    for each in SIGNALS if IS_RUN else ():
        signal.signal(each, signal.SIG_DFL)


def _expect(option: str, names: Iterable[str], known: Iterable[str]) -> None:
    allowed = sorted(known)
    for name in names:
        if name not in allowed:
            raise click.ClickException(f"{option}: there is no {name!r}.{listed(name, allowed)}")


cli = click.Group("dnn_sweep")
cli.add_command(trials)
cli.add_command(serve)
cli.add_command(
    CheckedRun("run", params=kedro_run.params, callback=kedro_run.callback, help=kedro_run.help)
)
# Kedro's global commands, of which this is one, win over a project's of the same name.
viz.lazy_subcommands["run"] = "dnn_sweep.viz_command.run"
