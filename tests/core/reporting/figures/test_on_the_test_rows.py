"""The figures of what is served: calibration, and what every threshold would give."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from dnn_sweep.core.reporting.figures import FIGURES, calibration, factors, threshold_curves
from dnn_sweep.core.reporting.figures.style import FigureInfo
from tests.sample_sweep import sample_sweep

PAIRS = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam"), ("elu", "adam")]


def served(*shares, rows=600, **schema):
    """A sweep whose test rows are of classes with such shares, predicted with some skill."""
    labels = tuple("abcdefg"[: len(shares)])
    task = "binary" if len(labels) == 2 else "multiclass"
    sweep = sample_sweep(PAIRS, task=task, labels=labels)
    random = np.random.default_rng(0)
    true = random.choice(len(labels), rows, p=shares)
    odds = random.normal(size=(rows, len(labels))) + 2 * np.eye(len(labels))[true]
    shown = np.exp(odds) * shares
    shown /= shown.sum(axis=1, keepdims=True)
    predictions = pd.DataFrame({"row_id": range(rows), "true": np.array(labels)[true]})
    predictions["predicted"] = np.array(labels)[shown.argmax(axis=1)]
    for place, label in enumerate(labels):
        predictions[f"probability_{label}"] = shown[:, place]
    sweep.test_predictions = predictions
    # Rows of a doctor are alike, so that there are fewer independent ones.
    sweep.test_rows = pd.DataFrame({"doctor": predictions["probability_b"].rank() // 30})
    sweep.schema = sweep.schema.model_copy(update=schema)
    return sweep


def prepared(figure, sweep):
    given = {**sweep.inputs()}
    return figure.prepare(*(given[each] for each in FIGURES[figure.__name__.split(".")[-1]].inputs))


def test_each_bin_of_probability_has_the_share_of_its_rows_that_was_right():
    sweep = served(0.5, 0.3, 0.2)
    sure = sweep.test_predictions.filter(like="probability_").max(axis=1)
    right = sweep.test_predictions["predicted"] == sweep.test_predictions["true"]

    info = prepared(calibration, sweep)

    last = info.bins.iloc[-1]
    inside = sure > 1 - 1 / sweep.configuration.evaluation.calibration_bins
    assert last["rows"] == inside.sum() > 10
    assert last["right"] == pytest.approx(right[inside].mean())
    assert last["confidence"] == pytest.approx(sure[inside].mean())
    exact = binomtest(int(right[inside].sum()), int(inside.sum())).proportion_ci(0.95)
    assert (last["low"], last["high"]) == pytest.approx((exact.low, exact.high))
    assert info.bins["rows"].sum() == len(sure)
    assert "calibration error 0.0182" in info.subtitle
    assert "4 combinations" in info.subtitle


def test_probabilities_that_are_all_one_make_one_bin():
    sweep = served(0.5, 0.5)
    true = sweep.test_predictions["predicted"] = sweep.test_predictions["true"]
    for label in "ab":
        sweep.test_predictions[f"probability_{label}"] = (true == label).astype(float)
    info = prepared(calibration, sweep)
    assert info.bins[["confidence", "right", "rows"]].to_numpy().tolist() == [[1, 1, 600]]


def test_two_frequent_classes_have_a_roc_curve_with_its_area_and_what_is_predicted():
    sweep = served(0.6, 0.4)
    given = sweep.test_predictions
    true, said = given["true"] == "b", given["predicted"] == "b"

    info = prepared(threshold_curves, sweep)

    (curve,) = info.curves
    assert "ROC curve of b" in info.title
    area = roc_auc_score(true, given["probability_b"])
    assert f"ROC AUC {area:.4f} [0." in info.subtitle
    assert "600 test rows, b" in info.subtitle
    assert curve.chosen == pytest.approx((said[~true].mean(), said[true].mean()))
    assert curve.y_interval[0] < curve.chosen[1] < curve.y_interval[1]
    assert np.trapezoid(curve.points[:, 1], curve.points[:, 0]) == pytest.approx(area, abs=0.003)
    assert len(curve.points) <= 200


def test_a_rare_class_has_precision_and_recall_against_its_share():
    sweep = served(0.95, 0.05)
    given = sweep.test_predictions
    true, said = given["true"] == "b", given["predicted"] == "b"

    info = prepared(threshold_curves, sweep)

    (curve,) = info.curves
    assert "precision and recall of b" in info.title
    area = average_precision_score(true, given["probability_b"])
    assert f"average precision {area:.4f}" in info.subtitle
    assert curve.chosen == pytest.approx((said[true].mean(), true[said].mean()))
    assert info.chance[0][1] == pytest.approx(true.mean())


def test_of_many_classes_only_the_rare_ones_have_curves():
    info = prepared(threshold_curves, served(0.48, 0.46, 0.03, 0.03))
    assert "of 2 rare classes" in info.title
    assert {curve.label for curve in info.curves} == {"c", "d"}
    assert type(prepared(threshold_curves, served(0.4, 0.3, 0.3))) is FigureInfo


def test_rows_that_belong_together_widen_the_areas_interval_and_are_mentioned():
    alone, together = (
        prepared(threshold_curves, served(0.6, 0.4, group=group)) for group in (None, "doctor")
    )
    assert alone.curves[0].area != together.curves[0].area
    assert "take rows of a group for independent" in together.subtitle
    assert "take rows of a group for independent" not in alone.subtitle


def test_a_class_that_the_test_rows_lack_leaves_no_curve_to_draw():
    sweep = served(0.6, 0.4)
    sweep.test_predictions["true"] = "a"
    info = prepared(threshold_curves, sweep)
    assert type(info) is FigureInfo
    assert "too few test rows" in info.subtitle


def test_the_factor_that_explains_most_comes_first_with_its_share():
    sweep = sample_sweep(batch_sizes=(16, 64))
    board = sweep.leaderboard
    scores, batches = board["val_accuracy_mean"], board["batch_size"]

    info = prepared(factors, sweep)

    shares = {factor.name: factor.share for factor in info.factors}
    assert [*shares] == sorted(shares, key=shares.get, reverse=True)
    means = scores.groupby(batches).transform("mean")
    assert shares["batch size"] == pytest.approx(means.var(ddof=0) / scores.var(ddof=0))
    assert sum(shares.values()) < 1
    batch = next(each for each in info.factors if each.name == "batch size")
    assert batch.levels == ["16", "64"]
    assert batch.means == pytest.approx(scores.groupby(batches).mean().tolist())
    assert "60 combinations \N{MULTIPLICATION SIGN} 1 seed" in info.subtitle


def test_two_factors_are_left_to_the_heatmap():
    assert type(prepared(factors, sample_sweep(PAIRS))) is FigureInfo


@pytest.mark.parametrize("draw", ["plot", "draw"])
def test_names_that_come_from_the_data_are_text(draw):
    sweep = served(0.6, 0.4)
    renamed = {"a": "$x$ <b>", "b": "<script>"}
    given = sweep.test_predictions
    given[["true", "predicted"]] = given[["true", "predicted"]].replace(renamed)
    sweep.test_predictions = given.rename(
        columns={f"probability_{old}": f"probability_{new}" for old, new in renamed.items()}
    )
    sweep.schema = sweep.schema.model_copy(update={"classes": tuple(renamed.values())})
    for figure in (calibration, threshold_curves):
        drawn = getattr(figure, draw)(prepared(figure, sweep))
        if draw == "plot":
            assert "<script>" not in drawn.to_json()
        else:
            drawn.canvas.draw()
