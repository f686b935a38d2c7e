import re
from io import StringIO

import pytest
from rich.console import Console

from dnn_sweep.core.formatting import format_interval, format_seconds, format_value
from dnn_sweep.core.reporting.console import summarize_sweep
from tests.sample_sweep import (
    add_sample_baselines,
    sample_comparison,
    sample_screening,
    sample_sweep,
)

SECONDS = {"start_up": 6.24, "train": 12.0, "track": 0.01, "total": 18.25}


def print_summary(sweep, width=80, seconds=SECONDS, **results):
    stream = StringIO()
    console = Console(file=stream, width=width, color_system=None)
    report = "x" * 4_600_000
    console.print(summarize_sweep(sweep.results(**results), report, seconds), crop=False)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 160])
def test_the_five_best_are_listed_with_intervals_and_ties(width):
    sweep = sample_sweep()
    board = sweep.leaderboard

    lines = print_summary(sweep, width=width).splitlines()

    for rank in range(1, 6):
        row = board.iloc[rank - 1]
        line = next(line for line in lines if line.split()[:1] == [str(rank)])
        interval = format_interval(row["val_accuracy_ci_low"], row["val_accuracy_ci_high"])
        assert row["combination"] in line
        assert format_value(row["val_accuracy_mean"]) in line
        assert interval in line
        assert line.split()[-1] == {1: "best", 2: "tied", 3: "tied"}.get(rank, "0.001")
    assert "… and 25 more combinations" in lines
    assert not any(line.split()[:1] == ["6"] for line in lines)


def test_every_baseline_is_listed_and_marked_beside_the_five_best_combinations():
    sweep = sample_sweep()
    names = list(sweep.leaderboard["combination"])
    comparison = add_sample_baselines(sweep, 0.1, 0.999)

    lines = print_summary(sweep, width=100, comparison=comparison).splitlines()

    rows = [line.split() for line in lines if line.split()[:1] and line.split()[0].isdigit()]
    shown = [(row[0], row[-1]) for row in rows[:7]]
    assert shown[:3] == [("1", "baseline"), ("2", "best"), ("3", "tied")]
    assert shown[-1] == ("32", "baseline")
    table = lines[: lines.index("… and 25 more combinations")]
    assert sum(any(name in line for line in table) for name in names) == 5
    assert "nan" not in "".join(lines)
    assert "A deep network pays here." in lines
    assert "More of it." not in lines


def test_a_baseline_that_is_served_is_what_to_use():
    sweep = sample_sweep()
    comparison, network = add_sample_baselines(sweep, 0.1, 0.999), sweep.champion.combination
    served = {"method": "baseline", "baseline": "logistic regression", "seeds": ()}
    served |= {"trial_ids": (), "weights": 0}
    sweep.change(served=sweep.champion.served.model_copy(update=served))

    printed = print_summary(sweep, width=120, comparison=comparison)

    assert "Use the baseline logistic regression: accuracy 0.9722" in printed
    assert re.search(r"\n +1 +logistic regression .* baseline, champion *\n", printed)
    assert "\nlogistic regression on the test set\nWhat is served: the baseline" in printed
    assert f"{network} does not beat" not in printed


def test_what_speaks_against_the_champion_is_said_before_the_decision():
    sweep = sample_sweep()
    comparison = add_sample_baselines(sweep, 0.1, 0.999)
    name, report = sweep.champion.combination, sweep.results().class_report
    blind = report.assign(recall=[0.0, *report["recall"][1:]])
    printed = print_summary(sweep, width=200, comparison=comparison, class_report=blind)
    zero = f"{name} has a recall of 0 for class {report['class'].iloc[0]!r}: it recognises none"
    beaten = f"{name} does not beat the baseline "
    assert printed.index(zero) < printed.index("training.class_weight=balanced")
    assert printed.index(zero) < printed.index(beaten) < printed.index(f"se {name} at learning")
    plain = print_summary(sample_sweep(), width=200)
    assert "recall of 0" not in plain
    assert "does not beat" not in plain


def test_the_first_sentences_are_a_decision():
    sweep = sample_sweep([("relu", "adam"), ("sigmoid", "sgd")])

    text = " ".join(print_summary(sweep, width=200).split())

    assert (
        "Use relu + adam at learning rate 0.001: accuracy 0.9722 [0.9528, 0.9819] on the test set. "
        "One seed says nothing about seeds. 1 of 2 combinations did not train well: "
        "vanishing gradient (sigmoid + sgd)."
    ) in text
    spoiled = sample_comparison("A tie.").model_copy(update={"deep_network": "does_not_pay"})
    assert "Of the networks, use relu + adam" in print_summary(sweep, comparison=spoiled)


def test_diverged_trials_are_counted_and_marked():
    sweep = sample_sweep(
        [("relu", "sgd"), ("relu", "adam")], seeds=(0, 1), diverged=(("relu", "sgd"),)
    )

    text = print_summary(sweep)

    assert "2 of 4 trials diverged" in text
    assert "2/2 diverged" in text


def test_ties_and_the_screening_are_described():
    sweep = sample_sweep(seeds=(0, 1))
    comparison = sample_comparison("2 of the 29 others cannot be told apart.", "More of it.")

    text = print_summary(sweep, width=200, comparison=comparison, screening=sample_screening(sweep))

    assert "\n2 of the 29 others cannot be told apart.\n" in text
    assert "More of it." not in text
    assert (
        "\nScreening: 3 learning rates per combination × 1 seed "
        "× 10 epochs, 90 trials in all; the best rate of 5 of 30 "
        "combinations lies on the edge of what was tried.\n"
    ) in text
    fixed = print_summary(sweep, comparison=comparison, screening=sample_screening(sweep)[:0])
    assert "Screening" not in fixed


def test_a_champion_that_is_not_the_best_is_marked_wherever_it_stands():
    sweep = sample_sweep()
    eighth = sweep.leaderboard["combination"][7]
    sweep.change(combination=eighth, chosen_by="cheapest_tied")

    lines = print_summary(sweep).splitlines()

    (line,) = (line for line in lines if line.split()[:1] == ["8"])
    assert eighth in line
    assert line.split()[-1] == "champion"
    assert not any(line.split()[:1] == ["7"] for line in lines)
    assert "… and 24 more combinations" in lines
    assert f"{eighth} on the test set" in lines


def test_it_tells_the_test_result_the_registration_and_its_reason_and_where_things_are():
    text = " ".join(print_summary(sample_sweep()).split())

    assert (
        "digits: 30 combinations \N{MULTIPLICATION SIGN} 1 seed \N{MULTIPLICATION SIGN} 20 epochs"
        in text
    )
    assert (
        "gelu + adam on the test set What is served: the network of gelu + adam with seed 0. "
        "accuracy 0.9722 [0.9528, 0.9819]"
    ) in text
    assert "Registered dnn_sweep_digits version 3 as champion: accuracy 0.9749" in text
    assert "data/08_reporting/digits/leaderboard.csv" in text
    assert "data/08_reporting/digits/report.html (4.6 MB)" in text
    assert "MLflow experiment dnn_sweep/digits" in text


def test_it_says_what_is_served_and_which_seeds_are_left_out():
    sweep = sample_sweep(seeds=(0, 1, 2))
    sweep.change(served=sweep.champion.served.model_copy(update={"diverged_seeds": (7, 8)}))

    text = " ".join(print_summary(sweep).split())

    served = "What is served: the mean of 3 networks of gelu + adam."
    assert f"{served} Seeds 7, 8 diverged and are left out." in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_commands_are_never_broken(width):
    lines = print_summary(sample_sweep(experiment="mnist"), width).splitlines()

    commands = {line.strip() for line in lines}
    assert {
        "kedro mlflow ui --env=mnist",
        "kedro viz run --env=mnist",
        "kedro run --pipeline=inference --env=mnist "
        "--params=inference.filepath=data/08_reporting/mnist/rows.csv",
        "kedro serve --env=mnist",
    } <= commands


def test_the_default_environment_needs_no_option():
    text = print_summary(sample_sweep())

    command = "kedro run --pipeline=inference --params=inference.filepath="
    assert f"{command}data/08_reporting/digits/rows.csv\n" in text
    assert "--env=" not in text


def test_what_would_decide_comes_first_of_what_to_do_next():
    comparison = sample_comparison("A tie.").model_copy(
        update={"to_decide": "It would take about 40 more seeds.", "next_seeds": 45}
    )

    text = print_summary(sample_sweep(), comparison=comparison)

    assert (
        "Next\n  It would take about 40 more seeds.\n"
        "    kedro run --pipeline=train --params=training.seeds=45\n"
    ) in text
    hopeless = comparison.model_copy(update={"next_seeds": None})
    assert "training.seeds" not in print_summary(sample_sweep(), comparison=hopeless)


def test_a_challenger_is_scored_and_served_by_its_own_alias():
    sweep = sample_sweep()
    challenger = {"alias": "challenger", "holder": "2", "reason": "not shown to be better."}
    sweep.change(registered=sweep.champion.registered.model_copy(update=challenger))

    text = print_summary(sweep)

    assert "Registered dnn_sweep_digits version 3 as challenger of version 2: not shown" in text
    assert (
        "--params=inference.filepath=data/08_reporting/digits/rows.csv,inference.alias=challenger\n"
        in text
    )
    assert "kedro serve --alias=challenger" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97183, "0.9718"),
        (0.0, "0.0000"),
        (54.3321, "54.33"),
        (12345.6, "12,346"),
        (-0.12, "-0.1200"),
        (1e12, "1.000e+12"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_values_are_written_with_about_four_digits(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.24, "4.2 s"), (59.6, "1 min 0 s"), (80, "1 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_written_for_people(seconds, text):
    assert format_seconds(seconds) == text


def test_commands_begin_with_what_starts_them_here():
    lines = print_summary(sample_sweep(), launcher="uv run")
    assert "uv run kedro viz run" in lines
    assert "uv run kedro serve" in lines


def test_it_says_where_the_seconds_went_and_leaves_out_what_took_none():
    text = print_summary(sample_sweep())

    assert "Seconds 18.2: start-up 6.2, train 12.0\n" in text
    assert "model-epoch" not in text


def test_a_run_that_trained_tells_how_fast():
    trained = {"train": 2.0, "total": 2.0, "model_epochs": 4800.0, "model_epochs_per_second": 2400}

    text = print_summary(sample_sweep(), seconds=trained)

    assert "4,800 model-epochs trained, 2,400 per second" in text


def test_the_same_champion_again_was_registered_before():
    sweep = sample_sweep()
    sweep.change(registered=sweep.champion.registered.model_copy(update={"new": False}))

    assert "Registered before dnn_sweep_digits version 3 as champion: " in print_summary(sweep)
