import re

import pytest

from dnn_sweep.core.figures import heatmap, learning_curves, predictions
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.report import render_report
from tests.sample_sweep import sample_sweep

THREE = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam")]


def page_of(sweep, environment="digits"):
    objective = objective_of(sweep.champion["task"])
    regression = sweep.champion["task"] == "regression"
    return render_report(
        leaderboard=sweep.leaderboard,
        champion=sweep.champion,
        class_report=sweep.class_report,
        schema=sweep.schema,
        figures={
            "heatmap": heatmap.plot_heatmap(sweep.leaderboard, objective, sweep.champion),
            "learning_curves": learning_curves.plot_learning_curves(
                sweep.histories, objective, sweep.champion
            ),
            "predictions": predictions.plot_predicted_against_true(
                sweep.test_predictions, sweep.champion
            )
            if regression
            else predictions.plot_confusion_matrix(sweep.confusion_matrix, sweep.champion),
        },
        network_summaries=sweep.network_summaries,
        configuration=sweep.configuration,
        launcher="",
        environment=environment,
    )


def text_of(page):
    """What a reader sees, with white space and scripts taken out."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without).split())


def test_the_answer_comes_first_with_intervals_ties_and_budget():
    page = page_of(sample_sweep(THREE))

    top = text_of(page).split("Activation by optimizer")[0]
    assert "relu + adam wins on digits" in top
    assert "validation accuracy 0.9722 95 % interval [0.9528, 0.9819]" in top
    assert "test accuracy 0.9722 95 % interval [0.9528, 0.9819]" in top
    assert "3 combinations \N{MULTIPLICATION SIGN} 1 seed \N{MULTIPLICATION SIGN} 20 epochs" in top
    assert "1,080 training, 359 validation and 360 test rows" in top
    assert "Cannot be told apart from it (2 of 2 others): relu + sgd; sigmoid + sgd." in top
    assert "One seed only" in top
    assert "dnn_sweep_digits version 3, alias champion: accuracy 0.9749" in top


def test_several_seeds_and_no_tie_are_told_as_such():
    sweep = sample_sweep(THREE, seeds=(0, 1), diverged=(("relu", "sgd"),))
    sweep.champion["tied_with"] = []

    top = text_of(page_of(sweep)).split("Activation by optimizer")[0]

    assert "No other combination is tied with it." in top
    assert "2 of 6 trials diverged" in top
    assert "One seed only" not in top


def test_the_ranking_lists_every_combination():
    sweep = sample_sweep()

    text = text_of(page_of(sweep)).split("Ranking")[1].split("Learning curves")[0]

    for row in sweep.leaderboard.to_dict("records"):
        interval = f"[{row['val_accuracy_ci_low']:.4f}, {row['val_accuracy_ci_high']:.4f}]"
        assert f"{row['combination']} {row['val_accuracy_mean']:.4f} {interval}" in text


def test_classes_networks_configuration_and_the_command_are_there():
    text = text_of(page_of(sample_sweep(THREE, experiment="mnist"), environment="mnist"))

    assert "class precision recall F1 rows 0 0.9700 0.9600 0.9650 36" in text
    assert "hidden1 (Dense)" in text
    assert "&#34;hidden&#34;: [ 64, 128, 256, 128, 64 ]" in text
    assert "kedro run --pipeline=train --env=mnist" in text
    assert "pixel64: the same value in every row" in text


def test_a_regression_has_errors_and_no_classes():
    text = text_of(page_of(sample_sweep(THREE, task="regression")))

    assert "test mean absolute error 44.31" in text
    assert "R² 0.4471" in text
    assert "precision" not in text


def test_the_page_needs_no_network_and_holds_plotly_once():
    page = page_of(sample_sweep(THREE))

    assert page.count("plotly.js v") == 1
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "http" not in outside
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page.split("plotly.js v")[0])
    assert {f'id="figure-{name}"' for name in ("heatmap", "learning_curves", "predictions")} <= set(
        re.findall(r'id="figure-\w+"', page)
    )


@pytest.mark.parametrize("experiment", ["digits", "<img src=x onerror=alert(1)>"])
def test_what_comes_from_data_is_text_and_never_markup(experiment):
    evil = "<script>alert(1)</script>"
    sweep = sample_sweep(THREE, task="binary", labels=(evil, "b"), experiment=experiment)
    sweep.configuration["data"] = {"target": evil}
    sweep.network_summaries = {evil: evil}
    sweep.champion["registered"]["reason"] = evil
    sweep.leaderboard["combination"] = evil
    sweep.champion["combination"] = evil

    page = page_of(sweep)

    assert evil not in page
    assert "<img" not in page.split("</script>", 1)[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_command_finds_the_users_own_file_again():
    sweep = sample_sweep(THREE, experiment="csv")
    sweep.configuration["data"] |= {"filepath": "my.csv", "target": "label"}
    command = "kedro run --pipeline=train --env=csv --params=data.filepath=my.csv,data.target=label"
    assert command in text_of(page_of(sweep, environment="csv"))
