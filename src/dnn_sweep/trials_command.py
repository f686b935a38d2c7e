"""``kedro trials``: lists the trained trials with their size, and deletes those not needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import count
from dnn_sweep.datasets.user_paths import PROJECT_ROOT

if TYPE_CHECKING:
    from dnn_sweep.datasets.trial_inventory import StoredTrial

DATA = PROJECT_ROOT / "data"
WIDE = 200  # columns of a table that is written to a file


@click.command("trials")
@click.option(
    "--prune",
    type=click.Choice(["unused", "networks"]),
    help="Show what can be deleted: `unused`, trials that no experiment's present plans name; "
    "`networks`, the networks that no experiment serves (their trials stay, and a network that "
    "is served later is trained again).",
)
@click.option("--yes", is_flag=True, help="Delete what --prune shows.")
def trials(prune: str | None, *, yes: bool) -> None:
    """List the trained trials with their size, or delete those that are not needed."""
    if yes and not prune:
        raise click.UsageError("--yes deletes what --prune shows: say --prune=unused or =networks")
    # Here, since every command of Kedro's imports this module.
    from dnn_sweep.datasets.trial_inventory import delete_networks, delete_trials, list_trials

    try:
        found = list_trials(DATA)
        if not prune:
            _show(found, "all")
            return
        wanted = [each for each in found if _is_spare(each, prune)]
        _show(wanted, "unused" if prune == "unused" else "with a network that is not served")
        if not wanted:
            return
        size = sum(each.size if prune == "unused" else each.network_size for each in wanted)
        what = f"{count(len(wanted), 'trial' if prune == 'unused' else 'network')}, {_bytes(size)}"
        if not yes:
            click.echo(f"Nothing was deleted. To delete {what}: add --yes")
            return
        (delete_trials if prune == "unused" else delete_networks)(DATA, wanted)
        click.echo(f"Deleted {what}.")
    except SweepError as error:
        raise click.ClickException(str(error)) from error


def _is_spare(trial: "StoredTrial", prune: str) -> bool:
    return not trial.used_by if prune == "unused" else trial.has_spare_network


def _show(found: Sequence["StoredTrial"], which: str) -> None:
    table = Table("trial", "size", "status", "used by", "combination", "learning rate", "seed")
    for each in found:
        result = each.result
        told = ("damaged", "", "", "", "")
        if result is not None:
            trial = result.trial
            rate, seed = f"{trial.learning_rate:g}", str(trial.seed)
            told = (result.status, ", ".join(each.used_by), trial.combination, rate, seed)
        table.add_row(each.folder.name, _bytes(each.size), *told)
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=WIDE)
    if found:
        console.print(table)
    total = _bytes(sum(each.size for each in found))
    files = sum(len(list(each.folder.iterdir())) for each in found)
    click.echo(f"{count(len(found), 'trial')} ({which}): {total}, {count(files, 'file')}")


def _bytes(size: int) -> str:
    """Write a number of bytes.

    >>> _bytes(1_234_567), _bytes(12_345)
    ('1.2 MB', '12 kB')
    """
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
