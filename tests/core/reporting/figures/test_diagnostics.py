import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.reporting.figures import FIGURES, diagnostics
from tests.sample_sweep import sample_diagnostics, sample_sweep

SEEDS = (0, 1)


def tables(sweep, verdicts):
    """Diagnostics, verdicts and leaderboard of a sweep; who is not named is healthy."""
    names = list(sweep.leaderboard["combination"])
    judged = {"combination": names, "verdict": [verdicts.get(name, "healthy") for name in names]}
    return sample_diagnostics(sweep), pd.DataFrame(judged), sweep.leaderboard, sweep.champion


@pytest.fixture(scope="module")
def sweep():
    return sample_sweep(seeds=SEEDS)


def test_the_best_the_worst_and_the_best_of_each_other_verdict_are_shown(sweep):
    order = list(sweep.leaderboard["combination"])
    found = {order[3]: "overfitting", order[4]: "overfitting", order[-1]: "dead units"}

    shown = diagnostics.prepare(*tables(sweep, found)).profiles

    assert [profile.combination for profile in shown] == [order[0], order[3], order[-1]]


def test_a_profile_runs_from_the_output_to_the_input_side_as_the_mean_of_the_seeds(sweep):
    measured, *others = tables(sweep, {})
    measured.loc[measured["layer"] == "hidden1", "signal_gradient_norm"] = 0.0

    best, _ = diagnostics.prepare(measured, *others).profiles

    assert best.layers == ["output", "hidden2", "hidden1"]
    start, end = best.values["signal_gradient_norm"]
    # Geometric: of 100 and 1, and of 10 and 0.1; where there is no signal, nothing is drawn.
    np.testing.assert_allclose(end, [10, 1, np.nan])
    np.testing.assert_allclose(start, [5, 0.5, np.nan])
    np.testing.assert_allclose(best.values["dead_units"][1], [np.nan, 0.4, 0.4])


def test_both_figures_draw_the_same_lines_and_name_the_verdict(sweep):
    worst = sweep.leaderboard["combination"].iloc[-1]

    figure, picture = FIGURES["diagnostics"].render(*tables(sweep, {worst: "vanishing gradient"}))

    named = [trace.name for trace in figure.data if trace.showlegend]
    best = sweep.leaderboard["combination"].iloc[0]
    assert named == [f"{best}: healthy", f"{worst}: vanishing gradient"]
    assert [text.get_text() for text in picture.legends[0].get_texts()] == named
    titles = ["gradient of the signal", "dead units", "saturated"]
    assert [each.text for each in figure.layout.annotations] == titles
    assert [axis.get_title() for axis in picture.axes] == titles
    assert len(figure.data) == sum(len(axis.lines) for axis in picture.axes) == 2 * 2 * 3
    assert (figure.layout.yaxis.type, picture.axes[0].get_yscale()) == ("log", "log")
    for panel, axis in enumerate(picture.axes):
        drawn = [trace for trace in figure.data if trace.xaxis == f"x{panel + 1 if panel else ''}"]
        for trace, line in zip(drawn, axis.lines, strict=True):
            np.testing.assert_array_equal(trace.y, line.get_ydata())
    assert "dashed before training" in figure.layout.title.subtitle.text
    assert "dashed before training" in " ".join(picture.get_supxlabel().split())


def test_a_sweep_without_diagnostics_gives_an_empty_figure(sweep):
    measured, *others = tables(sweep, {})

    figure, picture = FIGURES["diagnostics"].render(measured[:0], *others)

    assert len(figure.data) == len(picture.axes) == 0
    assert "no layer was measured" in figure.layout.title.subtitle.text
    assert "no layer was measured" in picture.get_supxlabel()
