import sys

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR
from dnn_sweep.core.reporting.figures.critical_difference import (
    draw_critical_difference,
    mean_ranks,
    plot_critical_difference,
)

CHAMPION = {"confidence": 0.95}


def seed_scores(scores, metric="val_accuracy"):
    """One row a combination and seed; `scores` by combination."""
    return pd.DataFrame(
        [
            {"combination": name, "seed": seed, metric: value}
            for name, values in scores.items()
            for seed, value in enumerate(values)
        ]
    )


def test_ranks_are_averaged_over_the_seeds_best_first():
    table = seed_scores({"a": [0.5, 0.5, 0.9], "b": [0.8, 0.9, 0.8], "c": [0.1, 0.5, 0.1]})
    found = mean_ranks(table, ACCURACY, 0.95)
    assert found.names == ["b", "a", "c"]
    assert found.ranks == pytest.approx([4 / 3, 5.5 / 3, 8.5 / 3])
    errors = table.rename(columns={"val_accuracy": "val_mae"})
    assert mean_ranks(errors, MEAN_ABSOLUTE_ERROR, 0.95).names == ["c", "a", "b"]


@pytest.mark.parametrize(("combinations", "critical"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_demsars(combinations, critical):
    rng = np.random.default_rng(0)
    table = seed_scores({f"o{i}": rng.random(5) for i in range(combinations)})
    expected = critical * np.sqrt(combinations * (combinations + 1) / (6 * 5))
    assert mean_ranks(table, ACCURACY, 0.95).distance == pytest.approx(expected, abs=2e-3)


def test_bars_join_the_largest_groups_within_the_difference():
    # Twenty seeds agree on the order of five: the difference is 1.4 ranks.
    table = seed_scores({name: [value] * 20 for value, name in enumerate("edcba")})
    found = mean_ranks(table, ACCURACY, 0.95)
    assert found.names == list("abcde")
    assert 1 < found.distance < 2
    assert found.groups == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert found.p_value < 1e-6


def test_equals_are_one_group_and_need_no_test():
    table = seed_scores({name: [0.5] * 4 for name in "abc"})
    found = mean_ranks(table, ACCURACY, 0.95)
    assert found.groups == [(0, 2)]
    assert found.p_value == 1


def test_the_figures_say_what_the_blocks_are():
    table = seed_scores({"$a$ <b>": [0.9] * 4, "c": [0.8] * 4, "d": [0.7] * 4})
    figure = plot_critical_difference(table, ACCURACY, CHAMPION)
    picture = draw_critical_difference(table, ACCURACY, CHAMPION)

    assert "Mean rank by validation accuracy over 4 seeds" in figure.layout.title.text
    assert figure.layout.title.subtitle.text.endswith("nothing is said about other data")
    assert "nothing is said about other data" in picture.get_supxlabel().replace("\n", " ")
    assert list(figure.data[0].y) == ["$a$ &lt;b&gt;", "c", "d"]
    assert list(figure.data[0].x) == [1, 2, 3]
    low, high = figure.layout.xaxis.range
    assert low < 1
    assert max(x for trace in figure.data for x in trace.x) < high
    assert [label.get_text() for label in picture.axes[0].get_yticklabels()] == [
        "$a$ <b>",
        "c",
        "d",
    ]
    assert len(figure.data) == len(picture.axes[0].lines) == 3


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ({"a": [1, 2], "b": [2, 1], "c": [3, 3]}, "takes 3 seeds or more, and this sweep has 2"),
        ({"a": [1, 2, 3], "b": [2, 1, 3]}, "takes 3 combinations or more; there are 2"),
    ],
)
def test_where_there_is_too_little_the_figure_says_so(scores, why):
    figure = plot_critical_difference(seed_scores(scores), ACCURACY, CHAMPION)
    picture = draw_critical_difference(seed_scores(scores), ACCURACY, CHAMPION)
    assert len(figure.data) == len(picture.axes) == 0
    assert why in figure.layout.title.subtitle.text
    assert why in picture.get_supxlabel()


def test_many_combinations_are_drawn_without_pyplot(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    rng = np.random.default_rng(0)
    table = seed_scores({f"relu + o{i}": rng.random(5) + i / 20 for i in range(80)})
    picture = draw_critical_difference(table, ACCURACY, CHAMPION)
    picture.savefig(tmp_path / "picture.png")
    assert len(picture.axes[0].get_yticklabels()) == 60
    figure = plot_critical_difference(table, ACCURACY, CHAMPION)
    assert len(figure.data[0].y) == 60
    assert "the best 60 of 80 combinations" in figure.layout.title.text
    assert {y for trace in figure.data for y in trace.y} == set(figure.data[0].y)
