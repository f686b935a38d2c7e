"""The summary of a sweep in the console."""

from collections.abc import Mapping

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from dnn_sweep.core.formatting import METRIC_LABELS, count, format_interval, format_value
from dnn_sweep.core.missing import Missing
from dnn_sweep.core.reporting.commands import next_commands, rows_to_score
from dnn_sweep.core.reporting.results import SweepResults
from dnn_sweep.core.training.stage_clock import STAGES

TOP_ROWS = 5
LEAST_SHOWN = 0.05  # seconds; what rounds to nothing is left out


def record_seconds(stage_clock: dict[str, float], report: str | Missing) -> dict[str, float]:
    """Return the seconds of each stage of the run, once the report is written.

    >>> record_seconds({"train": 2.0, "total": 5.0}, report)
    {'train': 2.0, 'total': 5.0}
    """
    del report  # only waited for
    return stage_clock


def summarize_sweep(
    results: SweepResults, report: str | Missing, stage_seconds: dict[str, float] | Missing
) -> Group:
    """Summarize a sweep: ranking, test result, registration, size of the report, next commands.

    >>> print(summarize_sweep(sweep_results, report, stage_seconds).renderables[1])
    90 training, 30 validation and 30 test rows
    """
    champion, registered = results.champion, results.champion.registered
    experiment, ranking = champion.experiment, results.leaderboard
    is_champion = ranking["combination"] == champion.name
    is_baseline = ranking["kind"] == "baseline"
    # Every baseline, however far down: they are few, and what the others are measured against.
    shown = ranking[((~is_baseline).cumsum() <= TOP_ROWS) | is_champion | is_baseline]
    outputs = f"data/08_reporting/{experiment}"
    parts: list[RenderableType] = [
        Rule(Text(f"{experiment}: {champion.budget}"), characters="-"),
        Text(str(champion.rows)),
        _ranking(shown, results),
    ]
    if more := len(ranking) - len(shown):
        parts.append(Text(f"… and {count(more, 'more combination')}"))
    parts += [Text(sentence, style="bold yellow") for sentence in results.warnings]
    for purpose, command in results.remedies:
        parts += [Text(f"  {purpose}"), _command(command)]
    said = [results.decision, results.objective.reason]
    said += [*results.comparison.leading, results.bought, results.failures]
    parts += [Text(sentence) for sentence in said if sentence]
    if not (results.screening.empty and results.search.empty):
        parts.append(Text(f"{results.rates[0].upper()}{results.rates[1:]}."))
    if champion.diverged_trials:
        diverged, trials = champion.diverged_trials, count(champion.trials, "trial")
        parts.append(Text(f"{diverged} of {trials} diverged", style="yellow"))
    metrics = [
        (name, f"{format_value(entry.value)}  {format_interval(entry.ci_low, entry.ci_high)}")
        for name, entry in champion.test.items()
    ]
    if isinstance(report, Missing):
        written = f"not written: {report}"
    else:
        written = f"{outputs}/report.html ({len(report.encode()) / 1e6:.1f} MB)"
    files = [
        ("leaderboard", f"{outputs}/leaderboard.csv"),
        ("report", written),
        ("example rows", f"{outputs}/rows.csv"),
        ("runs", f"MLflow experiment dnn_sweep/{experiment}"),
    ]
    version = f"{registered.name} {registered.standing}"
    parts += [
        Text(),
        Text(f"{champion.name} on the test set", style="bold"),
        Text(f"What is served: {champion.what_is_served}. {champion.served.left_out}".rstrip()),
        _facts([(METRIC_LABELS.get(name, name), text) for name, text in metrics]),
        Text(),
        Text.assemble((registered.announced, "bold"), f" {version}: {registered.reason}"),
        Text(),
        _facts(files),
        Text(),
        *([] if isinstance(stage_seconds, Missing) else [_seconds(stage_seconds), Text()]),
        Text("Next", style="bold"),
    ]
    if results.to_decide:
        parts.append(Padding(Text(results.to_decide), (0, 0, 0, 2), expand=False))
        if results.command_to_decide:
            parts.append(_command(results.command_to_decide))
    alias, environment = registered.alias or "champion", results.environment
    scored = rows_to_score(results.configuration.data, outputs)
    for purpose, command in next_commands(
        results.launcher, environment, registered.name, alias, scored
    ):
        parts.append(Text(f"  {purpose}"))
        parts.append(_command(command))
    return Group(*parts)


def _command(command: str) -> Text:
    """One line, whole, however narrow the terminal: it is meant to be copied."""
    return Text(f"    {command}", style="cyan", no_wrap=True, overflow="ignore")


def _ranking(shown: pd.DataFrame, results: SweepResults) -> Table:
    champion, metric = results.champion, results.champion.objective
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("combination", overflow="fold")
    table.add_column(metric, justify="right", no_wrap=True)
    table.add_column(f"{100 * champion.confidence:.0f} % interval", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in shown.to_dict("records"):
        is_baseline = row["kind"] == "baseline"
        is_champion = row["combination"] == champion.name
        is_best = row["combination"] == results.best
        note = "best" if is_best else "tied" if row["tied_with_best"] else ""
        if row["combination"] in results.undecided:
            note = "undecided"
        if row["combination"] in results.comparison.dropped:
            note = f"dropped, {row['seeds']} seeds"
        if is_champion and not is_best:
            note += " champion"
        if row["diverged"]:
            note += f" {row['diverged']}/{row['seeds']} diverged"
        table.add_row(
            str(row["rank"]),
            Text(str(row["combination"])),
            format_value(row[f"{metric}_mean"]),
            Text(format_interval(row[f"{metric}_ci_low"], row[f"{metric}_ci_high"])),
            "" if is_baseline else f"{row['learning_rate']:g}",
            ("baseline, champion" if is_champion else "baseline") if is_baseline else note.strip(),
            style="bold green" if is_champion else "italic" if is_baseline else "",
        )
    return table


def _facts(rows: list[tuple[str, str]]) -> Table:
    """Lay out names and their values in two columns."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(f"  {name}"), Text(value))
    return table


def _seconds(seconds: Mapping[str, float]) -> Text:
    known = {label: seconds.get(name, 0) for name, label in STAGES.items()}
    spent = ", ".join(f"{label} {s:.1f}" for label, s in known.items() if s >= LEAST_SHOWN)
    line = Text.assemble(("Seconds ", "bold"), f"{seconds['total']:.1f}", spent and f": {spent}")
    if (fast := seconds.get("model_epochs_per_second")) is not None:
        trained = count(int(seconds["model_epochs"]), "model-epoch")
        line.append(f"\n{trained} trained, {fast:,.{0 if fast >= 10 else 2}f} per second")
    return line
