import re

import pytest

from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.comparison.time_to_target import time_to_target
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.reporting.figures import (
    critical_difference,
    heatmap,
    learning_curves,
    learning_rates,
    predictions,
    ranking,
)
from dnn_sweep.core.reporting.mistakes import show_mistakes
from dnn_sweep.core.reporting.report import render_report
from tests.sample_sweep import (
    sample_comparison,
    sample_screening,
    sample_seed_scores,
    sample_sweep,
    sample_verdicts,
)

THREE = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam")]


def page_of(sweep, environment="digits", figures=None, **further):
    objective = objective_of(sweep.champion.task)
    regression = sweep.champion.task == "regression"
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
            **(figures or {}),
        },
        network_summaries=sweep.network_summaries,
        configuration=sweep.configuration,
        launcher="",
        environment=environment,
        **further,
    )


def section_of(page, name):
    """What a reader sees between a heading and the next one."""
    return text_of(page.split(f'<h2 id="{name}">')[1].split("<h2")[0])


def text_of(page):
    """What a reader sees, with white space and scripts taken out."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without).split())


def test_the_answer_comes_first_with_intervals_ties_and_budget():
    page = page_of(sample_sweep(THREE))

    top = text_of(page.split("<h2")[0])
    assert "relu + adam comes first on digits, tied with 2 of 2 others" in top
    assert "one learning rate for each combination, set beforehand and not searched for" in top
    assert "validation accuracy 0.9722 95 % interval [0.9528, 0.9819]" in top
    assert "test accuracy 0.9722 95 % interval [0.9528, 0.9819]" in top
    assert "3 combinations \N{MULTIPLICATION SIGN} 1 seed \N{MULTIPLICATION SIGN} 20 epochs" in top
    assert "1,080 training, 359 validation and 360 test rows" in top
    assert "Tied for first: relu + adam; relu + sgd; sigmoid + sgd." in top
    assert "One seed only" in top
    assert "dnn_sweep_digits version 3, alias champion: accuracy 0.9749" in top


def test_several_seeds_and_no_tie_are_told_as_such():
    sweep = sample_sweep(THREE, seeds=(0, 1), diverged=(("relu", "sgd"),))
    sweep.change(tied_with=())

    top = text_of(page_of(sweep).split("<h2")[0])

    assert "No other combination is tied with it." in top
    assert "2 of 6 trials diverged" in top
    assert "One seed only" not in top
    row = sweep.leaderboard.iloc[0]
    interval = f"[{row['val_accuracy_ci_low']:.4f}, {row['val_accuracy_ci_high']:.4f}]"
    mean = f"mean over its 2 seeds {row['val_accuracy_mean']:.4f}, interval {interval}"
    assert f"seed 0, on the rows it was chosen by; {mean}" in top


def test_a_champion_that_was_chosen_for_its_price_is_not_called_the_best():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    best, second = sweep.leaderboard["combination"][:2]
    sweep.change(combination=second, chosen_by="cheapest_tied")
    sweep.change(tied_with=(best, "sigmoid + sgd"))

    page = page_of(sweep, comparison=sample_comparison("Nothing is told apart."))

    top, table = text_of(page.split("<h2")[0]), section_of(page, "ranking")
    assert f"{second} trains fastest of the 3 tied for first on digits" in top
    assert f"Tied for first: {second}; {best}; sigmoid + sgd." in top
    mean = sweep.leaderboard["val_accuracy_mean"][1]
    assert f"mean over its 2 seeds {mean:.4f}" in top
    assert re.search(rf"1 {re.escape(best)} [^a-z]* best ", table)
    assert re.search(rf"2 {re.escape(second)} [^a-z]* tied champion ", table)


def test_with_the_statistics_words_one_seed_is_told_of_once():
    top = text_of(
        page_of(sample_sweep(THREE), comparison=sample_comparison("One.", "Two.")).split("<h2")[0]
    )
    assert top.count("One.") == 1
    assert "One seed only" not in top


def test_p_values_that_are_all_one_take_no_column():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    assert "p is not listed" in section_of(page_of(sweep), "ranking")
    sweep.leaderboard.loc[2, "p_holm"] = 0.04
    table = section_of(page_of(sweep), "ranking")
    assert "p is not listed" not in table
    assert "0.040" in table


def test_a_figure_without_data_is_told_and_takes_no_room():
    sweep = sample_sweep(THREE)
    figure = critical_difference.plot_critical_difference(
        sample_seed_scores(sweep), objective_of("multiclass"), sweep.champion
    )
    page = page_of(sweep, figures={"critical_difference": figure})
    assert "It takes 3 seeds or more" in section_of(page, "ranking")
    assert page.count('"figure-critical_difference"') == 1  # its place; nothing is drawn there


def test_the_healthy_are_folded_away():
    sweep = sample_sweep(THREE)
    page = page_of(sweep, verdicts=sample_verdicts(sweep))
    why = page.split('<h2 id="diagnostics">')[1].split("<h2")[0]
    shown, folded = why.split("<summary>2 combinations are healthy</summary>")
    assert "sigmoid + sgd" in shown
    assert "relu" not in shown
    assert "relu + adam" in folded
    assert "relu + sgd" in folded


def test_nobody_is_more_than_sure():
    sweep = sample_sweep(THREE, image_shape=(8, 8))
    mistakes = show_mistakes(sweep.test_predictions, sweep.test_rows, sweep.schema)[:3]
    for mistake, by in zip(mistakes, (0.99996, 0.9949, 0.71), strict=True):
        mistake["by"] = by
    text = section_of(page_of(sweep, mistakes=mistakes), "test")
    for sure in ("&gt; 99.9", "99.5", "71"):
        assert f", {sure}&nbsp;%&nbsp;sure" in text


def test_a_metric_without_an_interval_says_why():
    sweep = sample_sweep(THREE)
    without = MetricEstimate(value=0.0182)
    sweep.change(test=sweep.champion.test | {"calibration_error": without})
    text = section_of(page_of(sweep), "test")
    assert "calibration error 0.0182 – " in text
    assert "The calibration error has no interval" in text


def test_the_ranking_lists_every_combination():
    sweep = sample_sweep()

    text = section_of(page_of(sweep), "ranking")

    for row in sweep.leaderboard.to_dict("records"):
        interval = f"[{row['val_accuracy_ci_low']:.4f}, {row['val_accuracy_ci_high']:.4f}]"
        assert f"{row['combination']} {row['val_accuracy_mean']:.4f} {interval}" in text


def test_the_sections_come_in_the_order_of_the_questions():
    page = page_of(sample_sweep(THREE))

    assert re.findall(r'<h2 id="(\w+)">', page) == [
        "heatmap", "ranking", "curves", "rates", "diagnostics", "time", "test", "again",
    ]  # fmt: skip
    for anchor in re.findall(r'<a href="#(\w+)">', page):
        assert f'<h2 id="{anchor}">' in page


def test_what_was_not_recorded_is_said_to_be_missing():
    sweep = sample_sweep(THREE)
    compared_by = ["difference_to_best", "difference_ci_low", "difference_ci_high", "p_holm"]
    sweep.leaderboard = sweep.leaderboard.drop(columns=compared_by)
    page = page_of(sweep)

    assert "There was no screening" in section_of(page, "rates")
    assert "No diagnostics were recorded" in section_of(page, "diagnostics")
    assert "It was not measured." in section_of(page, "time")
    assert "verdict" not in section_of(page, "ranking")
    assert "to the best" not in section_of(page, "ranking")


def test_screening_verdicts_and_comparison_are_shown_where_there_are_any():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    sweep.leaderboard = sweep.leaderboard.assign(
        p_holm=[1, 0.0004, 1], share_first=[0.6, 0.2, 0.2], rank_low=[1, 2, 3]
    )
    screening = sample_screening(sweep)
    objective = objective_of("multiclass")
    figures = {
        "ranking": ranking.plot_ranking(sweep.leaderboard, objective, sweep.champion),
        "learning_rates": learning_rates.plot_learning_rates(screening, objective, sweep.champion),
    }

    page = page_of(
        sweep,
        figures=figures,
        screening=screening,
        verdicts=sample_verdicts(sweep),
        comparison=sample_comparison("Two seeds cannot go below p = 0.5 in an exact sign test."),
    )

    top = text_of(page.split("<h2")[0])
    assert "Two seeds cannot go below p = 0.5" in top
    assert "screening: 3 learning rates a combination" in top
    assert "the best rate of 2 of 3 combinations lies on the edge of what was tried" in top
    assert 'id="figure-learning_rates"' in page
    assert 'id="figure-ranking"' in page
    table = section_of(page, "ranking")
    assert re.search(r"relu \+ adam 0\.\d+ \[[^]]+\] best healthy +60 % 1–3", table)
    assert re.search(r"relu \+ sgd .* tied healthy -0\.\d+ \[[^]]+\] &lt; 0.001 20 % 2–3", table)
    why = section_of(page, "diagnostics")
    assert "sigmoid + sgd vanishing gradient signal in layer 1 is 0.0002" in why


def test_an_empty_screening_is_none():
    sweep = sample_sweep(THREE)

    page = page_of(sweep, screening=sample_screening(sweep)[:0])

    assert "set beforehand and not searched for" in text_of(page.split("<h2")[0])


def test_time_to_target_is_listed_and_who_never_got_there_is_named():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    times = time_to_target(sweep.histories, objective_of("multiclass"), 1080, 0.7)
    half = (times["combination"] == "relu + sgd") & (times["seed"] == 0)
    times.loc[half, ["reached", "epochs", "steps", "seconds"]] = [True, 9, 306, 1.5]

    text = section_of(page_of(sweep, times=times), "time")

    adam = times.query("combination == 'relu + adam'")
    steps, seconds = (adam[unit].quantile(0.5, "higher") for unit in ("steps", "seconds"))
    assert f"relu + adam 2 of 2 {steps / 34:g} {steps:.0f} {seconds:.2f}" in text
    assert "relu + sgd 1 of 2 never never never" in text
    assert "1 combination never got there sigmoid + sgd" in text


def test_mistakes_are_pictures_or_rows():
    images, table = sample_sweep(THREE, image_shape=(8, 8)), sample_sweep(THREE)
    found = show_mistakes(images.test_predictions, images.test_rows, images.schema)

    page = page_of(images, mistakes=found)
    rows = section_of(
        page_of(
            table, mistakes=show_mistakes(table.test_predictions, table.test_rows, table.schema)
        ),
        "test",
    )

    assert page.count('src="data:image/png;base64,') == len(found)
    first = found[0]
    sure = f"{100 * first['by']:.0f}&nbsp;%&nbsp;sure"
    text = section_of(page, "test")
    assert f"{first['true']} taken for {first['predicted']} , {sure} row {first['row_id']}" in text
    assert f"row true predicted probability {' '.join(f'pixel{i}' for i in range(12))}" in rows
    assert f"{first['row_id']} {first['true']} {first['predicted']} {first['by']:.4f}" in rows
    assert "The first 12 of 64 columns." in rows


def test_a_champion_without_mistakes_is_told():
    assert "It made no mistake on the test rows." in section_of(
        page_of(sample_sweep(THREE)), "test"
    )


def test_classes_networks_configuration_and_the_command_are_there():
    text = text_of(page_of(sample_sweep(THREE, experiment="mnist"), environment="mnist"))

    assert "class precision recall F1 rows 0 0.9700 0.9600 0.9650 36" in text
    assert "hidden1 (Dense)" in text
    assert "&#34;units&#34;: 256" in text
    assert "kedro run --pipeline=train --env=mnist" in text
    assert "pixel64: the same value in every row" in text


def test_a_regression_has_errors_and_no_classes():
    text = text_of(page_of(sample_sweep(THREE, task="regression")))

    assert "test mean absolute error 44.31" in text
    assert "R² 0.4471" in text
    assert "class precision recall" not in text


def test_the_page_needs_no_network_and_holds_plotly_once():
    page = page_of(sample_sweep(THREE))

    assert page.count("plotly.js v") == 1
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "http" not in outside
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page.split("plotly.js v")[0])
    assert {f'id="figure-{name}"' for name in ("heatmap", "learning_curves", "predictions")} <= set(
        re.findall(r'id="figure-\w+"', page)
    )


@pytest.mark.parametrize("experiment", ["digits", "<img src=x onerror=alert(1)>"])
def test_what_comes_from_data_is_text_and_never_markup(experiment):
    evil = "<script>alert(1)</script>"
    sweep = sample_sweep(THREE, task="binary", labels=(evil, "b"), experiment=experiment)
    sweep.change_data(target=evil)
    sweep.network_summaries = {evil: evil}
    sweep.change(registered=sweep.champion.registered.model_copy(update={"reason": evil}))
    sweep.leaderboard["combination"] = evil
    sweep.change(combination=evil)

    sweep.test_predictions["predicted"] = evil
    verdicts = sample_verdicts(sweep).assign(verdict=evil, evidence=evil).iloc[:1]
    page = page_of(
        sweep,
        mistakes=show_mistakes(sweep.test_predictions, sweep.test_rows, sweep.schema),
        verdicts=verdicts,
        comparison=sample_comparison(evil),
    )

    assert evil not in page
    assert "<img" not in page.split("</script>", 1)[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_command_finds_the_users_own_file_again():
    sweep = sample_sweep(THREE, experiment="csv")
    sweep.change_data(filepath="my.csv", target="label")
    command = "kedro run --pipeline=train --env=csv --params=data.filepath=my.csv,data.target=label"
    assert command in text_of(page_of(sweep, environment="csv"))
