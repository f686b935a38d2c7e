"""What the console says at the end of a sweep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.formatting import (
    METRIC_LABELS,
    count,
    format_interval,
    format_value,
)
from dnn_sweep.core.reporting.commands import next_commands
from dnn_sweep.core.reporting.figures.rate_curves import describe_rates
from dnn_sweep.core.training.stage_clock import STAGES

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

TOP_ROWS = 5
LEAST_SHOWN = 0.05  # seconds; what rounds to nothing is not worth a word


def summarize_sweep(
    leaderboard: pd.DataFrame,
    champion: Champion,
    launcher: str,
    environment: str,
    report: str,
    seconds: Mapping[str, float],
    comparison: Comparison | None = None,
    screening: pd.DataFrame | None = None,
) -> "RenderableType":
    """Put the end of a sweep into words: who leads, what was registered, what to do next.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        report: The finished report; its size is told.
        seconds: Where the run's seconds went, by stage.
        comparison: What the statistics say, under ``sentences``; the first one is printed.
        screening: One row a screened trial; ``None``, or no rows, where rates were fixed.

    Returns:
        What rich prints; lines that are meant to be copied are never broken.
    """
    from rich.console import Group
    from rich.rule import Rule
    from rich.text import Text

    experiment, registered = champion.experiment, champion.registered
    outputs = f"data/08_reporting/{experiment}"
    parts: list[RenderableType] = [
        Rule(Text(f"{experiment}: {champion.budget}"), characters="-"),
        Text(str(champion.rows)),
        _ranking(leaderboard, champion),
    ]
    if more := len(leaderboard) - len(_shown(leaderboard, champion)):
        parts.append(Text(f"… and {count(more, 'more combination')}"))
    if comparison:
        parts.append(Text(comparison.sentences[0]))
    if screening is not None and not screening.empty:
        rates = describe_rates(leaderboard, screening)
        parts.append(Text(f"{rates[0].upper()}{rates[1:]}."))
    if champion.diverged_trials:
        diverged, trials = champion.diverged_trials, count(champion.trials, "trial")
        parts.append(Text(f"{diverged} of {trials} diverged", style="yellow"))
    parts += [
        Text(),
        Text(f"{champion.combination} on the test split", style="bold"),
        _test_result(champion),
        Text(),
        Text.assemble(
            ("Registered ", "bold"),
            f"{registered.name} version {registered.version} as {registered.alias}: "
            f"{registered.reason}",
        ),
        Text(),
        _facts(
            [
                ("leaderboard", f"{outputs}/leaderboard.csv"),
                ("report", f"{outputs}/report.html ({len(report.encode()) / 1e6:.1f} MB)"),
                ("runs", f"MLflow experiment dnn_sweep/{experiment}"),
            ]
        ),
        Text(),
        _seconds(seconds),
        Text(),
        Text("Next", style="bold"),
        _commands(
            next_commands(launcher, environment, registered.name, registered.alias or "champion")
        ),
    ]
    return Group(*parts)


def _shown(leaderboard: pd.DataFrame, champion: Champion) -> pd.DataFrame:
    """The first few, and the champion wherever it stands."""
    is_champion = leaderboard["combination"] == champion.combination
    shown: pd.DataFrame = leaderboard[(leaderboard["rank"] <= TOP_ROWS) | is_champion]
    return shown


def _ranking(leaderboard: pd.DataFrame, champion: Champion) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    metric = champion.objective
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("combination", overflow="fold")
    table.add_column(metric, justify="right", no_wrap=True)
    table.add_column(f"{champion.confidence:.0%} interval", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in _shown(leaderboard, champion).to_dict("records"):
        note = "best" if row["rank"] == 1 else "tied" if row["tied_with_best"] else ""
        champions = row["combination"] == champion.combination
        if champions and row["rank"] != 1:
            note += " champion"
        if row["diverged"]:
            note += f" {row['diverged']}/{row['seeds']} diverged"
        table.add_row(
            str(row["rank"]),
            Text(str(row["combination"])),
            format_value(row[f"{metric}_mean"]),
            Text(format_interval(row[f"{metric}_ci_low"], row[f"{metric}_ci_high"])),
            f"{row['learning_rate']:g}",
            note.strip(),
            style="bold green" if champions else "",
        )
    return table


def _test_result(champion: Champion) -> "Table":
    return _facts(
        [
            (
                METRIC_LABELS.get(name, name),
                f"{format_value(entry.value)}  {format_interval(entry.ci_low, entry.ci_high)}",
            )
            for name, entry in champion.test.items()
        ]
    )


def _facts(rows: list[tuple[str, str]]) -> "Table":
    """Lay out names and what belongs to them in two columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(f"  {name}"), Text(value))
    return table


def _seconds(seconds: Mapping[str, float]) -> "Text":
    from rich.text import Text

    spent = [
        f"{label} {seconds[name]:.1f}"
        for name, label in STAGES.items()
        if seconds.get(name, 0) >= LEAST_SHOWN
    ]
    line = Text.assemble(
        ("Seconds ", "bold"), f"{seconds['total']:.1f}", f": {', '.join(spent)}" if spent else ""
    )
    if "model_epochs_per_second" in seconds:
        fast = seconds["model_epochs_per_second"] >= 10
        line.append(
            f"\n{count(int(seconds['model_epochs']), 'model-epoch')} trained, "
            f"{seconds['model_epochs_per_second']:,.{0 if fast else 2}f} a second"
        )
    return line


def _commands(commands: list[tuple[str, str]]) -> "Group":
    """Write each command on a line of its own, whole, however narrow the terminal."""
    from rich.console import Group
    from rich.text import Text

    lines = []
    for purpose, command in commands:
        lines.append(Text(f"  {purpose}"))
        lines.append(Text(f"    {command}", style="cyan", no_wrap=True, overflow="ignore"))
    return Group(*lines)
