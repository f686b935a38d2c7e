"""Test the statistics on simulated sweeps, and write the results to docs/simulation.md.

``python -m benchmarks.simulation`` takes about half an hour on one core; with ``--case`` it prints
the claims of one case, of as many sweeps as wanted, and writes nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.simulated import (
    DRAWS,
    Classifier,
    Errors,
    Rare,
    Regressor,
    Truth,
    count_claims,
    count_claims_of_races,
    equal,
    equal_errors,
    least_accuracy_coverage,
    measure_bias,
    measure_coverage,
    measure_metric_coverage,
)
from benchmarks.targets import percent

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "simulation.md"
RANGE = tuple(np.linspace(1.5, 2.9, 10))
UNSTABLE = 0.05
HALF_UNSTABLE = (0.005,) * 15 + (0.1,) * 15
UNSTABLE_ERROR = 0.1
HALF_UNSTABLE_ERRORS = (0.01,) * 15 + (0.15,) * 15
SPREAD = tuple(np.linspace(0.85, 0.97, 30))
TEN = tuple(np.linspace(0.9, 0.97, 10))
ERROR_SPREAD = tuple(np.linspace(1, 1.5, 30))
TEN_ERRORS = tuple(np.linspace(1, 1.5, 10))

EQUALS = {
    "accuracy 0.90": equal(0.9),
    "accuracy 0.95": equal(0.95),
    "accuracy 0.97": equal(0.97),
    "0.95, unstable": equal(0.95, own_seed=UNSTABLE),
    "0.95, half unstable": equal(0.95, own_seed=HALF_UNSTABLE),
    "0.95, 3 of 30 unstable": equal(0.95, own_seed=HALF_UNSTABLE[12:15] * 9 + HALF_UNSTABLE[15:18]),
    "0.95, 8 of 30 unstable": equal(0.95, own_seed=HALF_UNSTABLE[4:15] * 2 + HALF_UNSTABLE[15:23]),
    "0.95, half unstable, 10 seeds": equal(0.95, seeds=10, own_seed=HALF_UNSTABLE),
    "0.95, 20 seeds, unstable": equal(0.95, seeds=20, own_seed=UNSTABLE),
    "0.95, 50 combinations": equal(0.95, 50),
    "0.95, 2,000 rows, unstable": equal(0.95, rows=2000, own_seed=UNSTABLE),
    "0.95, 3 seeds": equal(0.95, seeds=3),
    "0.95, 3 seeds, unstable": equal(0.95, seeds=3, own_seed=UNSTABLE),
    "0.95, 10 seeds, unstable": equal(0.95, seeds=10, own_seed=UNSTABLE),
    "0.95, 3 combinations, unstable": equal(0.95, 3, own_seed=UNSTABLE),
    "0.95, 2 combinations, unstable": equal(0.95, 2, own_seed=UNSTABLE),
    "0.95, clusters of 10 rows": equal(0.95, cluster=10),
    "0.95, clusters of 10 rows, 2,000 rows": equal(0.95, rows=2000, cluster=10),
    "0.95, clusters of 10 rows, taken for rows": equal(0.95, cluster=10, grouped=False),
    "error": equal_errors(),
    "error, unstable": equal_errors(own_seed=UNSTABLE_ERROR),
    "error, half unstable": equal_errors(own_seed=HALF_UNSTABLE_ERRORS),
    "error, heavy tails": equal_errors(tail=3),
    "error, heavy tails, unstable": equal_errors(tail=3, own_seed=UNSTABLE_ERROR),
    "error, 90 rows, unstable": equal_errors(rows=90, own_seed=UNSTABLE_ERROR),
    "error, 3 seeds, unstable": equal_errors(seeds=3, own_seed=UNSTABLE_ERROR),
    "error, 3 combinations, unstable": equal_errors(3, own_seed=UNSTABLE_ERROR),
    "0.95, 2 seeds": equal(0.95, seeds=2),
    "0.95, 2 seeds, unstable": equal(0.95, seeds=2, own_seed=UNSTABLE),
    "error, 2 seeds, unstable": equal_errors(seeds=2, own_seed=UNSTABLE_ERROR),
    "0.95, 1 seed, unstable": equal(0.95, seeds=1, own_seed=UNSTABLE),
}
DIFFERENT = {
    "3 seeds": Truth(SPREAD, seeds=3),
    "5 seeds": Truth(SPREAD),
    "10 seeds": Truth(SPREAD, seeds=10),
    "5 seeds, 2,000 rows": Truth(SPREAD, rows=2000),
    "5 seeds, unstable": Truth(SPREAD, own_seed=UNSTABLE),
    "error, 5 seeds": Errors(ERROR_SPREAD),
    "error, 5 seeds, unstable": Errors(ERROR_SPREAD, own_seed=UNSTABLE_ERROR),
}
# As in the finals of digits, where noise of single networks on single rows is two thirds of the
# variance of a difference.
NOISY = {"row": 0.5, "own_row": 0.09, "own_seed": 0.0015}
ONE_WORSE = {
    "one worse by 2 points, noisy": Truth((0.95,) * 29 + (0.93,), **NOISY),
    "one worse by 5 points, noisy": Truth((0.95,) * 29 + (0.90,), **NOISY),
    "one worse by 2 points, noisy, 10 seeds": Truth((0.95,) * 29 + (0.93,), seeds=10, **NOISY),
    # The same 20 trainings of each combination: without folds, and with 4 folds of digits' rows.
    "one worse by 1 point, noisy, 20 seeds": Truth((0.95,) * 29 + (0.94,), seeds=20, **NOISY),
    "one worse by 1 point, noisy, 5 seeds of 4 folds": Truth(
        (0.95,) * 29 + (0.94,), rows=1437, **NOISY
    ),
    "one worse by 2 points": Truth((0.95,) * 29 + (0.93,)),
    "one worse by 5 points": Truth((0.95,) * 29 + (0.90,)),
}
# The same five trainings of each combination, but all rows of digits outside the test split.
FOLDS = {"rows": 1437, "folds": 5}
EQUALS_IN_FOLDS = {
    f"{name}, in folds": replace(EQUALS[name], **FOLDS)  # type: ignore[arg-type]
    for name in (
        "accuracy 0.90",
        "accuracy 0.97",
        "0.95, unstable",
        "0.95, half unstable",
        "0.95, 3 of 30 unstable",
        "0.95, 8 of 30 unstable",
        "0.95, 10 seeds, unstable",
        "0.95, 50 combinations",
        "0.95, 3 combinations, unstable",
        "0.95, 2 combinations, unstable",
        "error",
        "error, unstable",
        "error, half unstable",
        "error, heavy tails",
    )
}
EQUALS_IN_FOLDS |= {
    "0.95, unstable, 300 rows in folds": equal(0.95, rows=300, folds=5, own_seed=UNSTABLE),
    "error, unstable, 300 rows in folds": equal_errors(rows=300, folds=5, own_seed=UNSTABLE_ERROR),
}
WORSE_IN_FOLDS = {
    f"{name}, in folds": replace(truth, **FOLDS)  # type: ignore[arg-type]
    for name, truth in {
        "30 from 0.85 to 0.97": Truth(SPREAD),
        "error, 30 from 1 to 1.5": Errors(ERROR_SPREAD),
        "one worse by 2 points, noisy": ONE_WORSE["one worse by 2 points, noisy"],
        "one worse by 5 points, noisy": ONE_WORSE["one worse by 5 points, noisy"],
        "one worse by 2 points": ONE_WORSE["one worse by 2 points"],
    }.items()
}
NEAR_1 = {
    f"{accuracy}, {rows:,} rows": Truth((accuracy,) * 10, rows=rows)
    for accuracy in (0.9, 0.97, 0.99, 0.995)
    for rows in (90, 360, 2000)
}
IMBALANCED = ((0.94, 0.01), (0.015, 0.035))
ALMOST_PERFECT = ((0.948, 0.002), (0.003, 0.047))
TEN_CLASSES = tuple(tuple(0.97 if i == j else 0.03 / 9 for j in range(10)) for i in range(10))
MODELS: dict[str, Classifier | Regressor] = {
    "two classes, 95 % and 5 %, F1 0.86": Classifier(IMBALANCED),
    "two classes, 95 % and 5 %, F1 0.97": Classifier(ALMOST_PERFECT),
    "ten classes, accuracy 0.97": Classifier(TEN_CLASSES),
    "a number, normal errors": Regressor(),
    "a number, errors with a heavy tail (t, 5 degrees of freedom)": Regressor(5),
    "a number, errors with a heavier tail (t, 4)": Regressor(4),
}
MODEL_ROWS = (90, 360, 2000)
COVERED = {
    "5 seeds": Truth(TEN),
    "5 seeds, unstable": Truth(TEN, own_seed=UNSTABLE),
    "5 seeds, 2,000 rows, unstable": Truth(TEN, rows=2000, own_seed=UNSTABLE),
    "3 seeds, unstable": Truth(TEN, seeds=3, own_seed=UNSTABLE),
    "10 seeds, unstable": Truth(TEN, seeds=10, own_seed=UNSTABLE),
    "error, 5 seeds": Errors(TEN_ERRORS),
    "error, 5 seeds, unstable": Errors(TEN_ERRORS, own_seed=UNSTABLE_ERROR),
    "error, 5 seeds, 90 rows, unstable": Errors(TEN_ERRORS, rows=90, own_seed=UNSTABLE_ERROR),
    "error, 3 seeds, unstable": Errors(TEN_ERRORS, seeds=3, own_seed=UNSTABLE_ERROR),
    "5 seeds, in folds": Truth(TEN, rows=1437, folds=5),
    "5 seeds, unstable, in folds": Truth(TEN, rows=1437, folds=5, own_seed=UNSTABLE),
    "5 seeds, unstable, 114 rows in folds": Truth(TEN, rows=114, folds=5, own_seed=UNSTABLE),
    "10 seeds, unstable, in folds": Truth(TEN, 10, rows=1437, folds=5, own_seed=UNSTABLE),
    "error, unstable, in folds": Errors(TEN_ERRORS, rows=1437, folds=5, own_seed=UNSTABLE_ERROR),
    "error, unstable, 114 rows in folds": Errors(
        TEN_ERRORS, rows=114, folds=5, own_seed=UNSTABLE_ERROR
    ),
    "1 seed": Truth(TEN, seeds=1),
    "1 seed, unstable": Truth(TEN, seeds=1, own_seed=UNSTABLE),
}
RARE_EQUALS = {
    "ROC AUC 0.93, 30 positive of 600 rows": Rare("roc_auc", (2.1,) * 10),
    "macro F1 0.72, 30 positive of 600 rows": Rare("f1_macro", (2.1,) * 10),
    "average precision, 30 positive of 600 rows": Rare("average_precision", (2.1,) * 10),
}
RARE_SPREAD = {
    "ROC AUC from 0.86 to 0.98, 30 positive of 600 rows": Rare("roc_auc", RANGE),
    "macro F1 from 0.66 to 0.77, 30 positive of 600 rows": Rare("f1_macro", RANGE),
}
SCREENED = {
    "30 equal, 0.95": equal(0.95),
    "30 equal, 0.95, unstable": equal(0.95, own_seed=UNSTABLE),
    "30 from 0.85 to 0.97": Truth(SPREAD),
    "error, 30 equal": equal_errors(),
    "error, 30 equal, unstable": equal_errors(own_seed=UNSTABLE_ERROR),
    "error, 30 from 1 to 1.5": Errors(ERROR_SPREAD),
}


RACES = {
    "30 equal, 0.95, noisy": Truth((0.95,) * 30, **NOISY),
    "30 equal, 0.95": equal(0.95),
    "30 equal, unstable": equal(0.95, own_seed=UNSTABLE),
    "30 equal, half unstable": equal(0.95, own_seed=HALF_UNSTABLE),
    "30 equal, 3 of 30 unstable": EQUALS["0.95, 3 of 30 unstable"],
    "error, 30 equal": equal_errors(),
    "error, 30 equal, unstable": equal_errors(own_seed=UNSTABLE_ERROR),
    "error, 30 equal, half unstable": equal_errors(own_seed=HALF_UNSTABLE_ERRORS),
    "one better by 2 points, noisy": Truth((0.97,) + (0.95,) * 29, **NOISY),
    "one better by 1 point, noisy": Truth((0.96,) + (0.95,) * 29, **NOISY),
    "30 from 0.85 to 0.97, noisy": Truth(SPREAD, **NOISY),
    "error, 30 from 1 to 1.5": Errors(ERROR_SPREAD),
}


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tabulate_false_claims(sweeps: int) -> str:
    """False claims among equal combinations."""
    rows = [
        [name, percent(count_claims(t, sweeps).any_false, 1)]
        for name, t in (EQUALS | EQUALS_IN_FOLDS | RARE_EQUALS).items()
    ]
    return _table(["all equal", "sweeps with a false claim"], rows)


def tabulate_power(sweeps: int) -> str:
    """Power: the share of worse combinations that is detected."""
    rows = []
    for name, truth in (DIFFERENT | ONE_WORSE | WORSE_IN_FOLDS).items():
        claims = count_claims(truth, sweeps)
        rows.append([name, percent(claims.found), percent(claims.any_false, 1)])
    return _table(["", "worse ones detected", "sweeps with a false claim"], rows)


def tabulate_coverage(sweeps: int) -> str:
    """Coverage of the intervals."""
    rows = []
    for name, truth in (COVERED | NEAR_1 | RARE_SPREAD).items():
        rows.append([name, percent(measure_coverage(truth, sweeps), 1)])
    return _table(["", "intervals that contain the truth"], rows)


def tabulate_metric_coverage(sweeps: int) -> str:
    """Coverage of the intervals of a model's metrics."""
    rows = []
    for name, model in MODELS.items():
        for size in MODEL_ROWS:
            found = measure_metric_coverage(model, size, sweeps)
            said = ", ".join(f"{metric} {percent(each, 1)}" for metric, each in found.items())
            rows.append([name, f"{size:,}", said])
    return _table(["", "rows", "intervals that contain the truth"], rows)


def describe_least_coverage() -> str:
    """The least coverage of test accuracies, with each number of rows."""
    accuracies = np.linspace(0.9, 0.995, 96)
    least = [percent(least_accuracy_coverage(rows, accuracies), 1) for rows in MODEL_ROWS]
    return f"{', '.join(least[:-1])} and {least[-1]}"


def tabulate_races(sweeps: int) -> str:
    """False claims, power and choice of races."""
    rows = []
    for name, truth in RACES.items():
        race = count_claims_of_races(truth, sweeps)
        found = "" if np.isnan(race.found) else percent(race.found)
        shares = (
            percent(race.any_false, 1),
            found,
            percent(race.chosen, 1),
            percent(race.by_grid, 1),
        )
        rows.append([name, *shares])
    head = ["", "races with a false claim", "worse ones detected", "good choices"]
    return _table([*head, "of a grid of 300"], rows)


def tabulate_bias(sweeps: int) -> str:
    """Bias of a screening's best score, and of the same combination on fresh seeds."""
    rows = []
    for name, truth in SCREENED.items():
        bias = measure_bias(truth, sweeps)
        screening, finals = (f" ± {1.96 * each:.4f}" for each in bias.uncertainty)
        rows.append(
            [
                name,
                f"{bias.screening:+.4f}{screening}",
                f"{bias.finals:+.4f}{finals}",
                f"{bias.finals_everywhere:+.4f}",
                f"{bias.leader:+.4f}",
            ]
        )
    head = [
        "",
        "screening, 1 seed",
        "the same combination, 5 fresh seeds",
        "… compared with all possible rows",
        "first of the 5-seed leaderboard",
    ]
    return _table(head, rows)


def main() -> None:
    """Simulate and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=200, help="simulated sweeps per row")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write")
    cases = EQUALS | EQUALS_IN_FOLDS | RARE_EQUALS | DIFFERENT | ONE_WORSE | WORSE_IN_FOLDS
    parser.add_argument("--case", choices=cases, metavar="NAME", help="print one case's claims")
    parser.add_argument("--seed", type=int, default=0, help="of the case's sweeps")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of the errors of its sweeps")
    given = parser.parse_args()
    if given.case:
        print(count_claims(cases[given.case], given.sweeps, given.seed, given.draws))
        return
    page = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (Markdown, from our own numbers)
    )
    text = page.get_template("simulation.md.j2").render(
        sweeps=given.sweeps,
        unstable=percent(UNSTABLE),
        unstable_error=percent(UNSTABLE_ERROR),
        false_claims=tabulate_false_claims(given.sweeps),
        power=tabulate_power(given.sweeps),
        coverage=tabulate_coverage(given.sweeps),
        metric_coverage=tabulate_metric_coverage(given.sweeps),
        least_accuracy_coverage=describe_least_coverage(),
        bias=tabulate_bias(given.sweeps),
        races=tabulate_races(given.sweeps),
    )
    given.page.write_text(text)


if __name__ == "__main__":
    main()
