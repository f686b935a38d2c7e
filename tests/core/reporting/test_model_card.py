import re

import pytest

from dnn_sweep.core.reporting.model_card import shorten_card, write_model_card
from tests.sample_sweep import (
    add_sample_baselines,
    sample_comparison,
    sample_screening,
    sample_sweep,
)

THREE = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam")]


def card_of(sweep, **further):
    return write_model_card(sweep.results(launcher="uv run", **further))


def test_it_has_the_sections_in_order():
    assert re.findall(r"^#+ (.+)$", card_of(sample_sweep(THREE)), flags=re.MULTILINE) == [
        "Model card: dnn_sweep_digits version 3",
        "Model details",
        "Intended use",
        "Data",
        "Metrics",
        "How it was chosen, and against what",
        "Caveats",
        "Do it again",
    ]


def test_it_states_metrics_with_intervals_ties_budget_and_the_command():
    card = card_of(sample_sweep(THREE, experiment="mnist"))

    interval = "0.9722 | [0.9528, 0.9819]"
    assert f"| accuracy | {interval} | {interval} |" in card
    assert "3 combinations \N{MULTIPLICATION SIGN} 1 seed \N{MULTIPLICATION SIGN} 20 epochs" in card
    assert "one learning rate for each combination, set beforehand" in card
    assert "Tied for first by this evidence: relu + adam, relu + sgd, sigmoid + sgd." in card
    assert "The ranking is led by" not in card
    assert "With one seed they say nothing about another draw" in card
    assert "uv run kedro run --pipeline=train --env=mnist\n```" in card
    assert "hidden layers 64-128-256-128-64, trained" in card


def test_a_champion_that_was_chosen_for_its_price_is_described_as_such():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    sweep.change(combination="relu + sgd", chosen_by="cheapest_tied")
    sweep.change(tied_with=("relu + adam", "sigmoid + sgd"))

    assert (
        "- The ranking is led by relu + adam; relu + sgd trains fastest of the 3 tied for "
        "first on digits."
    ) in card_of(sweep)


def test_a_baseline_that_is_served_is_described_in_place_of_a_network():
    sweep = sample_sweep()
    comparison, network = add_sample_baselines(sweep, 0.1, 0.999), sweep.champion.combination
    served = {"method": "baseline", "baseline": "logistic regression", "seeds": ()}
    served |= {"trial_ids": (), "weights": 0}
    sweep.change(served=sweep.champion.served.model_copy(update=served))

    card = card_of(sweep, comparison=comparison)

    said = "- No network: the baseline logistic regression, fitted on training and validation rows."
    assert said in card
    assert "- The baseline logistic regression comes first on digits, before " in card
    assert "are of the same model, fitted on the training rows alone" in " ".join(card.split())
    assert "Learning rate" not in card
    assert "best seed" not in card
    assert network in card


def test_it_says_what_is_served_and_what_the_validation_figures_are_of():
    sweep = sample_sweep(THREE, seeds=(0, 1))

    card = card_of(sweep)
    assert (
        "\n- What is served: the mean of 2 networks of relu + adam; 9 weights in all, and the mean "
        "is of their probabilities.\n- The best seed is 0: weights of epoch 19,"
    ) in card
    assert "Scaling and imputation were fitted on the training rows alone." in card
    assert "before they were trained anew" not in card

    anew = {"method": "refit", "epochs": 7}
    sweep.change(served=sweep.champion.served.model_copy(update=anew))
    card = card_of(sweep)
    assert "trained anew on training and validation rows for 7 epochs; 9 weights" in card
    assert "Scaling and imputation were fitted on the training and validation rows." in card
    assert "They are of the same networks before they were trained anew" in card


def test_the_weakest_classes_are_named():
    sweep = sample_sweep(THREE)
    sweep.class_report.loc[7, "recall"] = 0.5

    assert "| class | recall | precision | rows |\n| --- | ---: | ---: | ---: |\n| 7 | 0.5000" in (
        card_of(sweep)
    )


def test_the_screening_and_the_sentences_of_the_comparison_are_included():
    sweep = sample_sweep(THREE, seeds=(0, 1))

    card = card_of(
        sweep,
        screening=sample_screening(sweep),
        comparison=sample_comparison("Five seeds are few."),
    )

    assert "screening: 3 learning rates per combination" in card
    assert "- Five seeds are few.\n" in card
    assert "With one seed" not in card


def test_a_regression_has_errors_and_no_classes():
    card = card_of(sample_sweep(THREE, task="regression"))

    assert "| mean absolute error | 44.31 |" in card
    assert "recall" not in card


def test_names_from_the_data_are_text_and_never_markup():
    evil = "<script>alert(1)</script>"
    sweep = sample_sweep(THREE, task="binary", labels=(evil, "a|b"))
    named = {sweep.champion.combination: evil}
    sweep.leaderboard["combination"] = sweep.leaderboard["combination"].replace(named)
    sweep.change(combination=evil)
    sweep.class_report["class"] = [evil, "a|b"]

    card = card_of(sweep)

    assert evil not in card
    assert "&lt;script&gt;" in card
    assert r"| a\|b |" in card
    assert "holder's" in card


def test_a_card_that_fits_the_registry_is_not_shortened():
    card = card_of(sample_sweep())
    assert len(card) <= 5000
    assert shorten_card(card) == card


@pytest.mark.parametrize("length", [5001, 20_000])
def test_a_card_that_is_too_long_is_cut_between_paragraphs_and_says_so(length):
    card = card_of(sample_sweep()).ljust(length - 40, "x") + "\n\n" + "y" * 38
    short = shorten_card(card)
    assert len(short) <= 5000
    kept, _, note = short.partition("\n\n*Cut here")
    assert card.startswith(kept + "\n\n")
    assert "the whole card is `model_card.md`" in note
