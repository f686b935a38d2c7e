import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from markupsafe import escape

from dnn_sweep.core.champion.record import RegisteredVersion
from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.reporting.figures import FIGURES
from dnn_sweep.core.reporting.figures.search import plot_proposals
from dnn_sweep.core.reporting.figures.style import FigureInfo, finish_plotly
from dnn_sweep.core.reporting.figures.time_to_target import measure_time_to_target
from dnn_sweep.core.reporting.finalists import summarize_finalists
from dnn_sweep.core.reporting.glossary import read_glossary
from dnn_sweep.core.reporting.predicted_rows import find_mistakes
from dnn_sweep.core.reporting.report import WHERE_THEY_SUIT, write_report
from tests.builders import make_plan
from tests.sample_sweep import (
    add_sample_baselines,
    sample_comparison,
    sample_diagnostics,
    sample_screening,
    sample_sweep,
    sample_verdicts,
)

THREE = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam")]


def page_of(sweep, diagnostics=None, **changes):
    """The report with every figure of the sweep, none of which is drawn as a picture."""
    results = sweep.results(**changes)
    if diagnostics is None:
        diagnostics = sample_diagnostics(sweep)
    given = sweep.inputs() | vars(results) | {"diagnostics": diagnostics}
    figures = {}
    for name, figure in FIGURES.items():
        info = figure.prepare(*(given[each] for each in figure.inputs))
        empty = type(info) is FigureInfo
        figures[name] = finish_plotly(go.Figure(), info, 200) if empty else figure.plot(info)
    return write_report(results, **figures)


def section_of(page, name):
    """What a reader sees between a heading and the next one."""
    return text_of(page.split(f'<h2 id="{name}">')[1].split("<h2")[0])


def text_of(page):
    """What a reader sees, with white space and scripts taken out."""
    without = re.sub(r"<(script|style)\b.*?</\1>|</?abbr\b[^>]*>", _blank, page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without).split())


def _blank(found):
    return " " if found[1] else ""  # a term is no break between words


def test_the_answer_comes_first_with_intervals_ties_and_budget():
    page = page_of(sample_sweep(THREE))

    top = text_of(page.split("<h2")[0])
    assert "relu + adam comes first on digits, tied with 2 of 2 others" in top
    assert "One learning rate for each combination, set beforehand and not searched for" in top
    assert "validation accuracy 0.9722 95 % interval [0.9528, 0.9819]" in top
    assert "test accuracy 0.9722 95 % interval [0.9528, 0.9819]" in top
    assert "3 combinations \N{MULTIPLICATION SIGN} 1 seed \N{MULTIPLICATION SIGN} 20 epochs" in top
    assert "1,080 training, 359 validation and 360 test rows" in top
    assert "Tied for first: relu + adam; relu + sgd; sigmoid + sgd." in top
    assert "One seed says nothing about seeds." in top
    assert "Registered: dnn_sweep_digits version 3 as champion. accuracy 0.9749" in top


def test_a_challenger_is_not_called_the_registered_champion():
    sweep = sample_sweep(THREE)
    challenger = {"alias": "challenger", "holder": "2", "reason": "A tie.", "new": False}
    sweep.change(registered=sweep.champion.registered.model_copy(update=challenger))

    top = text_of(page_of(sweep).split("<h2")[0])

    said = "Registered before: dnn_sweep_digits version 3 as challenger of version 2. A tie."
    assert said in top


def test_several_seeds_and_no_tie_are_stated():
    sweep = sample_sweep(THREE, seeds=(0, 1), diverged=(("relu", "sgd"),))
    sweep.change(tied_with=())

    top = text_of(page_of(sweep).split("<h2")[0])

    assert "Tied for first" not in top
    assert "2 of 6 trials diverged" in top
    row = sweep.leaderboard.iloc[0]
    interval = f"[{row['val_accuracy_ci_low']:.4f}, {row['val_accuracy_ci_high']:.4f}]"
    mean = f"over its 2 seeds {row['val_accuracy_mean']:.4f}, interval {interval}"
    chosen_by = "on the rows it was chosen by; single networks on average"
    assert f"the mean of 2 networks, {chosen_by} {mean}" in top
    assert "what is served, on rows that no choice has seen" in top


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "What is served: the mean of 2 networks of gelu + adam (9 weights)."),
        (
            {"seeds": (1,), "diverged_seeds": (0,)},
            "What is served: the network of gelu + adam with seed 1 (9 weights). "
            "Seed 0 diverged and is left out.",
        ),
        (
            {"method": "refit", "epochs": 7},
            "What is served: the mean of 2 networks of gelu + adam, trained anew on training and "
            "validation rows for 7 epochs (9 weights).",
        ),
    ],
)
def test_what_is_served_is_stated(changes, said):
    sweep = sample_sweep([("gelu", "adam"), ("relu", "adam")], seeds=(0, 1))
    sweep.change(served=sweep.champion.served.model_copy(update=changes))

    page = page_of(sweep)

    assert said in text_of(page.split("<h2")[0])
    assert "it was evaluated on the test set exactly once" in section_of(page, "test")
    if changes.get("method") == "refit":
        assert "the mean of 2 networks, before training anew, on the rows" in text_of(page)


def test_the_network_of_the_best_seed_is_the_same_on_both_splits():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    one = {"method": "best_seed", "seeds": (0,)}
    sweep.change(served=sweep.champion.served.model_copy(update=one))

    top = text_of(page_of(sweep).split("<h2")[0])

    assert "seed 0, on the rows it was chosen by; mean over its 2 seeds" in top
    assert "the same network, on rows that no choice has seen" in top


def test_a_baseline_that_is_served_heads_the_page():
    sweep = sample_sweep()
    comparison, network = add_sample_baselines(sweep, 0.1, 0.999), sweep.champion.combination
    served = {"method": "baseline", "baseline": "logistic regression", "seeds": ()}
    served |= {"trial_ids": (), "weights": 0}
    sweep.change(served=sweep.champion.served.model_copy(update=served))

    page = page_of(sweep, comparison=comparison)

    top, table = text_of(page.split("<h2")[0]), section_of(page, "ranking")
    assert f"logistic regression comes first on digits, before {network}, the best network" in top
    assert "fitted on the training rows, on the rows it was chosen by" in top
    assert "What is served: the baseline logistic regression, fitted on training and" in top
    assert re.search(r"1 logistic regression [^a-z]* baseline champion ", table)
    assert "Served: seeds" not in page


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
    assert f"over its 2 seeds {mean:.4f}" in top
    assert re.search(rf"1 {re.escape(best)} [^a-z]* best ", table)
    assert re.search(rf"2 {re.escape(second)} [^a-z]* tied champion ", table)


def test_the_sentences_of_the_comparison_appear_once():
    page = page_of(sample_sweep(THREE), comparison=sample_comparison("One.", "Two."))
    top = text_of(page.split("<h2")[0])
    assert (top.count("One."), top.count("Two.")) == (1, 1)


def test_it_says_what_would_decide_and_how_to_run_it():
    comparison = sample_comparison("A tie.").model_copy(
        update={"to_decide": "It would take about 40 more seeds.", "next_seeds": 45}
    )
    top = text_of(page_of(sample_sweep(THREE), comparison=comparison).split("<h2")[0])
    command = "kedro run --pipeline=train --params=training.seeds=45"
    assert f"What next It would take about 40 more seeds. {command} To serve it" in top


def test_the_undecided_stand_apart_from_the_tied_and_statistics_are_folded():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    best, tied, open_ = sweep.leaderboard["combination"]
    comparison = sample_comparison("A tie.", "Holm's correction gives p = 1.")
    comparison = comparison.model_copy(update={"undecided": (open_,)})

    page = page_of(sweep, comparison=comparison)

    top, table = page.split("<h2")[0], section_of(page, "ranking")
    assert f"{best} comes first on digits, tied with 1 of 2 others" in text_of(top)
    assert f"Tied for first: {best}; {tied}. Undecided, because" in text_of(top)
    assert f"there are too few seeds to tell: {open_}." in text_of(top)
    assert re.search(rf"3 {re.escape(open_)} [^a-z]* undecided ", table)
    assert "Holm" not in text_of(re.sub(r"<details>.*?</details>", "", top, flags=re.DOTALL))
    assert "Holm" in top


def test_combinations_that_failed_alike_are_named_by_their_activation():
    sweep = sample_sweep()
    verdicts = sample_verdicts(sweep)
    names = verdicts["combination"].str
    verdicts.loc[names.startswith("sigmoid") | (names.startswith("tanh + sgd")), "verdict"] = "dead"
    failures = sweep.results(verdicts=verdicts).failures
    assert "dead (all 6 with sigmoid, tanh + sgd)" in failures


def test_p_values_that_are_all_one_take_no_column():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    assert "p is not listed" in section_of(page_of(sweep), "ranking")
    sweep.leaderboard.loc[2, "p_holm"] = 0.04
    table = section_of(page_of(sweep), "ranking")
    assert "p is not listed" not in table
    assert "0.040" in table


def test_a_figure_without_data_says_so_and_takes_no_room():
    sweep = sample_sweep(THREE)
    page = page_of(sweep, diagnostics=sample_diagnostics(sweep)[:0])
    assert "no layer was measured" in section_of(page, "diagnostics")
    assert page.count('"figure-diagnostics"') == 1  # its place; nothing is drawn there


def test_the_healthy_are_folded_away():
    sweep = sample_sweep(THREE)
    page = page_of(sweep, diagnostics=sample_diagnostics(sweep)[:0])
    why = page.split('<h2 id="diagnostics">')[1].split("<h2")[0]
    shown, folded = why.split("<summary>2 combinations are healthy</summary>")
    assert "sigmoid + sgd" in shown
    assert "relu" not in shown
    assert "relu + adam" in folded
    assert "relu + sgd" in folded


def test_no_probability_is_rounded_up_to_certainty():
    sweep = sample_sweep(THREE, shape=(8, 8, 1))
    table = sweep.test_predictions = sweep.test_predictions.query("true != predicted").iloc[:3]
    for row, by in zip(table.index, (0.99996, 0.9949, 0.71), strict=True):
        table.loc[row, f"probability_{table.loc[row, 'predicted']}"] = by
    text = section_of(page_of(sweep), "test")
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
        "heatmap", "ranking", "curves", "rates", "diagnostics", "time", "data", "test", "again",
        "terms",
    ]  # fmt: skip
    for anchor in re.findall(r'<a href="#(\w+)">', page):
        assert f'<h2 id="{anchor}">' in page


def test_screening_verdicts_and_comparison_are_shown():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    sweep.leaderboard = sweep.leaderboard.assign(
        p_holm=[1, 0.0004, 1], share_first=[0.6, 0.2, 0.2], rank_low=[1, 2, 3]
    )
    page = page_of(
        sweep,
        screening=sample_screening(sweep),
        comparison=sample_comparison("Two seeds cannot go below p = 0.5 in an exact sign test."),
    )

    top = text_of(page.split("<h2")[0])
    assert "Two seeds cannot go below p = 0.5" in top
    assert "Screening: 3 learning rates per combination" in top
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

    assert "There was no screening" in section_of(page, "rates")
    assert 'id="figure-learning_rates"' not in page
    assert "set beforehand and not searched for" in text_of(page.split("<h2")[0])


@pytest.mark.parametrize(
    ("alias", "role"), [("champion", "champion"), ("challenger", "challenger")]
)
def test_a_challenger_is_not_called_the_champion(alias, role):
    sweep = sample_sweep(THREE)
    sweep.change(registered=sweep.champion.registered.model_copy(update={"alias": alias}))

    page = page_of(sweep)

    assert f'<h2 id="test">The {role} on the test set</h2>' in page
    assert f"{role.capitalize()}: relu + adam, learning rate" in section_of(page, "again")
    served = "kedro serve" if alias == "champion" else "kedro serve --alias=challenger"
    assert f">{served}<" in page.split("<h2")[0]


def test_a_model_that_is_not_registered_has_no_command_that_would_fail():
    sweep = sample_sweep(THREE)
    missing = RegisteredVersion.missing("dnn_sweep_digits", "no answer")
    sweep.change(registered=missing)
    assert "To serve it" not in page_of(sweep)


def test_ten_questions_are_answered_before_the_first_figure():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    screening = sample_screening(sweep)
    comparison = add_sample_baselines(sweep, 0.1, 0.9).model_copy(
        update={
            "to_decide": "About 40 more seeds, 3 min 0 s of training, would tell them apart.",
            "next_seeds": 45,
            "reservation": "but a support vector machine does as well",
        }
    )

    page = page_of(sweep, comparison=comparison, screening=screening)

    top, times = text_of(page.split("<h2")[0]), "\N{MULTIPLICATION SIGN}"
    serve = "kedro serve"

    for question, answer in {
        "what should I use?": "What to use Use relu + adam at learning rate 0.001: accuracy",
        "how good is it?": "0.9722 [0.9528, 0.9819] on the test set.",
        "how sure?": "How sure The others are tied.",
        "compared with what?": "2 baselines: most frequent class, logistic regression.",
        "is a simpler model better?": "A simpler model A deep network pays here.",
        "why did sigmoid fail?": "did not train well: vanishing gradient (sigmoid + sgd). Why",
        "what next?": "What next About 40 more seeds",
        "what does it cost to know more?": "3 min 0 s of training, would tell them apart.",
        "how do I serve it?": f"To serve it {serve}",
        "how were rates chosen?": f"Screening: 3 learning rates per combination {times}",
        "which data?": "digit (10 classes) from 64 features of 1,800 rows: 1,080 training",
    }.items():
        assert answer in top, question


def test_the_terms_are_listed_for_readers_without_a_mouse():
    terms = page_of(sample_sweep(THREE)).split('<h2 id="terms">')[1]
    for each in read_glossary():
        assert (f"<dt>{escape(each.term)}</dt>" in terms) == each.hover
    assert "<abbr" not in terms


def test_time_to_target_is_listed_and_who_never_got_there_is_named():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    times = measure_time_to_target(sweep.histories, sweep.champion)
    half = (times["combination"] == "relu + sgd") & (times["seed"] == 0)
    times.loc[half, ["reached", "epochs", "steps", "seconds"]] = [True, 9, 306, 1.5]

    text = section_of(page_of(sweep, time_to_target=times), "time")

    adam = times.query("combination == 'relu + adam'")
    epochs, steps, seconds = (adam[unit].median() for unit in ("epochs", "steps", "seconds"))
    assert f"relu + adam 2 of 2 seeds {epochs:g} {steps:.0f} {seconds:.2f}" in text
    assert "relu + sgd 1 of 2 seeds never never never" in text
    assert "1 combination never reached the target sigmoid + sgd" in text


def test_mistakes_are_pictures_or_rows():
    images, table = sample_sweep(THREE, shape=(8, 8, 1)), sample_sweep(THREE)
    found = find_mistakes(images.test_predictions, images.test_rows, images.schema)
    first = found[0]

    page = page_of(images)
    of_table = page_of(table)
    rows = section_of(of_table, "test")

    assert of_table.count("<img") == 0
    shown, right = page.split("<h3>Right predictions</h3>")
    assert (
        shown.count('src="data:image/png;base64,')
        == len(found) + images.data_sample["digit"].nunique()
    )
    assert right.count('src="data:image/png;base64,') == len(images.schema.classes)
    sure = f"{100 * first.by:.0f}&nbsp;%&nbsp;sure"
    text = section_of(page, "test")
    assert f"{first.true} taken for {first.predicted} , {sure} row {first.row_id}" in text
    assert f"row true predicted probability {' '.join(f'pixel{i}' for i in range(12))}" in rows
    assert f"{first.row_id} {first.true} {first.predicted} {first.by:.4f}" in rows
    assert "The first 12 of 64 columns." in rows


def test_a_champion_without_mistakes_is_reported():
    sweep = sample_sweep(THREE)
    sweep.test_predictions["predicted"] = sweep.test_predictions["true"]
    assert "It made no mistake on the test set." in section_of(page_of(sweep), "test")


def test_classes_networks_configuration_and_the_command_are_there():
    text = text_of(page_of(sample_sweep(THREE, experiment="mnist")))

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
    drawn = {name for name in FIGURES if name not in ("learning_rates", *WHERE_THEY_SUIT)}
    assert set(re.findall(r'id="figure-(\w+)"', page)) == {*drawn, "calibration"}


def test_figures_appear_where_they_suit():
    for sweep, suiting in [
        (sample_sweep(THREE), {"calibration"}),
        (sample_sweep(THREE, task="regression"), set()),
        (
            sample_sweep(THREE, task="binary", labels=("a", "b")),
            {"calibration", "threshold_curves"},
        ),
        (sample_sweep(THREE, batch_sizes=(16, 32)), {"calibration", "factors"}),
    ]:
        page = page_of(sweep)
        assert {name for name in WHERE_THEY_SUIT if f'id="figure-{name}"' in page} == suiting
        assert ('<h2 id="factors">' in page) == ("factors" in suiting)


def test_the_first_training_rows_are_shown_with_the_kinds_of_their_columns():
    sweep = sample_sweep(THREE)
    first = sweep.data_sample.iloc[0]

    text = section_of(page_of(sweep), "data")

    assert "the first 12 of 64 columns" in text
    assert "digit target pixel0 numeric pixel1 numeric" in text
    assert f"{first['digit']} {' '.join(str(first[f'pixel{i}']) for i in range(12))} " in text


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
    page = page_of(sweep, verdicts=verdicts, comparison=sample_comparison(evil))

    assert evil not in page
    assert "<img" not in page.split("</script>", 1)[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_command_finds_the_users_own_file_again():
    sweep = sample_sweep(THREE, experiment="csv")
    sweep.change_data(filepath="my.csv", target="label")
    command = "kedro run --pipeline=train --env=csv --params=data.filepath=my.csv,data.target=label"
    assert command in text_of(page_of(sweep))


def test_baselines_are_ranked_and_marked_and_it_is_said_whether_a_deep_network_pays():
    sweep = sample_sweep(THREE)
    diagnostics = sample_diagnostics(sweep)
    verdicts = sample_verdicts(sweep)
    comparison = add_sample_baselines(sweep, 0.1, 0.999)

    page = page_of(sweep, diagnostics, comparison=comparison, verdicts=verdicts)

    top = text_of(page.split("<h2")[0])
    assert "How sure The others are tied. Ranking A simpler model A deep network pays here." in top
    assert "did not train well: vanishing gradient (sigmoid + sgd). Why" in top
    assert "<li>More of it.</li>" in page
    section = section_of(page, "ranking")
    assert "Baselines are models without a deep network" in section
    assert "difference to best is to the best combination" in section
    assert "1 logistic regression 0.9990 [0.9890, 1.009] baseline" in section
    assert "2 relu + adam" in section
    assert "nan" not in section
    assert page.count('<tr class="baseline">') == 2
    assert page.count('<tr class="best">') == 1
    assert "0.2</td></tr>" in page  # seconds, which the leaderboard leaves out


def test_the_headline_admits_that_a_baseline_is_better():
    sweep = sample_sweep(THREE)
    record = add_sample_baselines(sweep, 0.1)
    record = record.model_copy(update={"reservation": "but the baseline median is better"})
    assert sweep.results(comparison=record).headline == (
        "relu + adam comes first on digits, tied with 2 of 2 others, but the baseline median is "
        "better"
    )


def sample_search():
    """What a small search could have left: its proposals, and the importances of its factors."""
    rates = [0.0002, 0.001, 0.003, 0.01, 0.05, 0.09]
    proposals = pd.DataFrame(
        {
            "number": range(6),
            "batch": 1,
            "combination": [
                f"relu + {o}, lr {r:g}" for o, r in zip(["adam", "sgd"] * 3, rates, strict=True)
            ],
            "optimizer": ["adam", "sgd"] * 3,
            "activation": "relu",
            "learning_rate": rates,
            "batch_normalization": [True, False] * 3,
            "momentum": [None, 0.5, None, 0.9, None, 0.7],
            "epochs": [1, 1, 3, 1, 9, 1],
            "val_accuracy": [0.2, 0.4, 0.9, 0.5, 0.95, np.nan],
            "diverged": [False] * 5 + [True],
            "finalist": pd.array([None, None, 2, None, 1, None], dtype="Int64"),
        }
    )
    importances = pd.DataFrame(
        {
            "factor": ["learning_rate", "<momentum>"],
            "importance": [0.8, 0.2],
            "ci_low": [0.5, 0.1],
            "ci_high": [0.9, 0.5],
            "groups": 6,
        }
    )
    return proposals, importances


def test_a_search_is_described_with_importances_and_every_proposal():
    proposals, importances = sample_search()
    page = page_of(sample_sweep(THREE), search=proposals, importances=importances)
    found = section_of(page, "rates")
    assert "6 proposals, trained for 1 epoch, the best 2 for 3 epochs, the best 1 for 9" in found
    assert "on seeds that the search did not use" in found
    assert "Which factors decide" in found
    assert "lines: 95 % over 6 groups of proposals" in found
    assert "Every proposal of the search" in found
    assert "1 diverged and are left out" in found
    assert "There was no screening" not in page
    assert "not searched for" not in page
    assert "&lt;momentum&gt;" in page or "\\u0026lt;momentum" in page
    assert "<momentum>" not in page

    without = page_of(
        sample_sweep(THREE),
        search=proposals,
        importances=importances.assign(ci_low=np.nan, ci_high=np.nan),
    )
    assert "too few groups of proposals for intervals" in section_of(without, "rates")


def test_after_a_search_the_networks_are_those_that_it_found_and_not_the_grids():
    proposals, importances = sample_search()
    sweep, found = sample_sweep(THREE), {"relu + adam, lr 0.05": "hidden1 (Dense)  4"}
    given = {"search": proposals, "importances": importances, "finalist_summaries": found}
    text = text_of(page_of(sweep, **given))
    assert "Network of relu + adam, lr 0.05 hidden1 (Dense) 4" in text
    (name,) = sweep.network_summaries
    assert name not in text
    assert f"Network {name}" in text_of(page_of(sweep))


def test_the_finalists_networks_come_in_the_order_of_the_leaderboard():
    proposals, _ = sample_search()
    grid = {"activations": ["relu", "sigmoid"], "optimizers": ["adam", "sgd"]}
    plan = make_plan(grid=grid, training={"seeds": [0, 1]})
    sweep = sample_sweep(THREE)
    add_sample_baselines(sweep)
    board = sweep.leaderboard
    found = summarize_finalists(proposals, plan, board)
    assert list(found) == list(board.query("kind == 'combination'")["combination"])
    assert re.search(r"hidden1 \(Dense\) +8 +sigmoid", found["sigmoid + sgd"])
    assert summarize_finalists(pd.DataFrame(), plan, board) == {}


def test_a_page_without_a_search_does_not_speak_of_one():
    page = page_of(sample_sweep(THREE))
    assert ">Search<" not in page
    assert "figure-proposals" not in page


def test_parallel_axes_show_logarithms_names_and_where_a_factor_does_not_apply():
    proposals, _ = sample_search()
    lines = plot_proposals(proposals, sample_sweep(THREE).champion).data[0]
    axes = {axis.label: axis for axis in lines.dimensions}
    assert list(axes["optimizer"].ticktext) == ["adam", "sgd"]
    assert list(axes["momentum"].ticktext) == ["–", "0.5", "0.9"]
    assert list(axes["momentum"]["values"]) == [0, 1, 0, 2, 0]  # the diverged one is left out
    assert len(lines.line.color) == 5
    many = pd.concat([proposals[:5]] * 3, ignore_index=True)
    many["learning_rate"] = np.geomspace(1e-4, 0.1, 15)
    figure = plot_proposals(many, sample_sweep(THREE).champion, ["learning_rate"])
    axis = figure.data[0].dimensions[2]
    assert (axis.label, list(axis.ticktext)) == (
        "learning_rate",
        ["0.0001", "0.001", "0.01", "0.1"],
    )
    np.testing.assert_allclose(axis["values"], np.linspace(-4, -1, 15))
