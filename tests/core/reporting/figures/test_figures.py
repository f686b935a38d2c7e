import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.reporting.figures import (
    FIGURES,
    heatmap,
    learning_curves,
    learning_rates,
    predictions,
    ranking,
    time_to_target,
)
from tests.sample_sweep import (
    add_sample_baselines,
    sample_comparison,
    sample_diagnostics,
    sample_screening,
    sample_sweep,
    sample_verdicts,
)

THREE = [("sigmoid", "sgd"), ("relu", "sgd"), ("relu", "adam")]


def plot(figure, *inputs):
    return figure.plot(figure.prepare(*inputs))


def draw(figure, *inputs):
    return figure.draw(figure.prepare(*inputs))


def title_of(figure):
    return figure.layout.title.text, figure.layout.title.subtitle.text


def texts_of(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_a_curve_is_the_mean_over_seeds():
    sweep = sample_sweep(THREE, seeds=(0, 1, 2))
    rows = sweep.histories.query("combination == 'relu + adam' and epoch == 4")

    curve = next(
        c
        for c in learning_curves.prepare(sweep.histories, sweep.champion).curves
        if c.combination == "relu + adam"
    )

    assert len(rows) == 3
    assert curve.values["validation"][4] == pytest.approx(rows["val_accuracy"].mean())
    assert curve.values["training"][4] == pytest.approx(rows["accuracy"].mean())
    assert list(curve.values.index) == list(range(1, 21))


def test_values_that_are_not_finite_leave_a_gap_instead_of_spoiling_the_mean():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    histories = sweep.histories
    ran_away = (histories["combination"] == "relu + adam") & (histories["seed"] == 0)
    histories.loc[ran_away & (histories["epoch"] == 2), "val_accuracy"] = np.inf
    histories.loc[
        (histories["combination"] == "relu + adam") & (histories["epoch"] == 20), "val_accuracy"
    ] = np.nan

    curve = learning_curves.prepare(histories, sweep.champion).curves[-1]

    assert np.isfinite(curve.values["validation"][2])
    assert np.isnan(curve.values["validation"][20])
    assert curve.end == (19, pytest.approx(curve.values["validation"][19]))


def test_a_combination_has_a_dashed_and_a_solid_line_and_the_best_comes_first():
    sweep = sample_sweep(THREE)

    figure = plot(learning_curves, sweep.histories, sweep.champion)

    lines = [(t.name, t.meta[1], t.line.dash, t.line.color) for t in figure.data]
    assert len(lines) == 6
    assert {name for name, *_ in lines} == {"sigmoid + sgd", "relu + sgd", "relu + adam"}
    assert {(split, dash) for _, split, dash, _ in lines} == {
        ("training", "dash"),
        ("validation", "solid"),
    }
    for name in {name for name, *_ in lines}:
        assert len({colour for other, *_, colour in lines if other == name}) == 1
    assert [t.name for t in figure.data if t.showlegend] == [
        "relu + adam",
        "relu + sgd",
        "sigmoid + sgd",
    ]


def test_the_band_reaches_from_the_lowest_to_the_highest_seed():
    sweep = sample_sweep(THREE, seeds=(0, 1, 2))
    rows = sweep.histories.query("combination == 'relu + adam'")
    by_epoch = rows.groupby("epoch")["val_accuracy"]

    figure = plot(learning_curves, sweep.histories, sweep.champion)
    picture = draw(learning_curves, sweep.histories, sweep.champion)

    band, _, validation = figure.data[:3]
    assert (band.meta[1], band.fill, band.legendgroup) == ("band", "toself", "relu + adam")
    assert band.y[:20] == pytest.approx(by_epoch.max())
    assert band.y[20:][::-1] == pytest.approx(by_epoch.min())
    assert validation.customdata[4] == pytest.approx([by_epoch.min()[5], by_epoch.max()[5]])
    assert "band from the lowest to the highest one" in title_of(figure)[1]
    (relu_adam,) = [
        area.get_paths()[0].get_extents()
        for area in picture.axes[0].collections
        if area.get_paths()[0].get_extents().y1 == pytest.approx(by_epoch.max().max())
    ]
    assert relu_adam.y0 == pytest.approx(by_epoch.min().min())


def test_one_seed_has_no_band():
    sweep = sample_sweep(THREE)

    figure = plot(learning_curves, sweep.histories, sweep.champion)

    assert {trace.meta[1] for trace in figure.data} == {"training", "validation"}
    assert "band" not in title_of(figure)[1]


def test_of_many_combinations_the_best_seven_are_drawn_at_first_and_a_picture_has_panels():
    sweep = sample_sweep()

    figure = plot(learning_curves, sweep.histories, sweep.champion)
    picture = draw(learning_curves, sweep.histories, sweep.champion)

    assert len(figure.data) == 60
    shown = {trace.legendgroup for trace in figure.data if trace.visible is True}
    reached = sweep.histories.groupby("combination")["val_accuracy"].max()
    assert shown == set(reached.nlargest(7).index)
    assert {t.visible for t in figure.data if t.legendgroup not in shown} == {"legendonly"}
    assert len({t.line.color for t in figure.data if t.visible is True}) == 7
    optimizers = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]
    visible = [axis for axis in picture.axes if axis.get_visible()]
    assert [axis.get_title() for axis in visible] == ["sigmoid", "tanh", "relu", "elu", "gelu"]
    assert [len(axis.lines) for axis in visible] == [12] * 5
    assert [text.get_text() for text in picture.legends[0].get_texts()] == optimizers


def test_a_marker_distinguishes_the_eighth_line_from_the_first():
    pairs = [("relu", "adam")]
    sweep = sample_sweep(pairs, batch_sizes=tuple(range(16, 24)))
    histories = sweep.histories
    histories["optimizer"] = histories["combination"]

    figure = plot(learning_curves, histories, sweep.champion)

    first, eighth = figure.data[1], figure.data[15]
    assert first.line.color == eighth.line.color
    assert (first.mode, eighth.mode) == ("lines", "lines+markers")


def test_a_diverged_combination_is_marked_where_it_ends():
    sweep = sample_sweep(THREE, diverged=(("relu", "sgd"),))

    figure = plot(learning_curves, sweep.histories, sweep.champion)

    marks = [t for t in figure.data if t.mode == "markers"]
    assert [(t.name, tuple(t.x)) for t in marks] == [("relu + sgd", (3,))]
    assert "with a diverged trial" in title_of(figure)[1]


def test_titles_state_combinations_seeds_epochs_and_rows():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    drawn = {
        "curves": plot(learning_curves, sweep.histories, sweep.champion),
        "heatmap": plot(heatmap, sweep.leaderboard, sweep.champion, sample_verdicts(sweep)),
    }

    for figure in drawn.values():
        subtitle = title_of(figure)[1]
        assert (
            "3 combinations \N{MULTIPLICATION SIGN} 2 seeds \N{MULTIPLICATION SIGN} 20 epochs"
            in subtitle
        )
        assert "1,080 training, 359 validation and 360 test rows" in subtitle
    assert "mean over 2 seeds" in title_of(drawn["curves"])[1]
    picture = draw(heatmap, sweep.leaderboard, sweep.champion, sample_verdicts(sweep))
    assert (
        "3 combinations \N{MULTIPLICATION SIGN} 2 seeds \N{MULTIPLICATION SIGN} 20 epochs"
        in picture.get_supxlabel()
    )


def test_an_error_that_ran_away_does_not_flatten_the_other_curves():
    sweep = sample_sweep(THREE, task="regression")
    histories = sweep.histories
    rows = (histories["combination"] == "relu + sgd") & (histories["epoch"] == 20)
    histories.loc[rows, "val_mae"] = 1e12

    figure = plot(learning_curves, histories, sweep.champion)

    low, high = figure.layout.yaxis.range
    assert (low, 150 < high < 400) == (0, True)
    assert "axis cut at" in title_of(figure)[1]
    picture = draw(learning_curves, histories, sweep.champion)
    assert picture.axes[0].get_ylim() == (0, high)


def test_one_that_hardly_learns_does_not_flatten_the_other_curves():
    sweep = sample_sweep(THREE)
    histories = sweep.histories
    slow = histories["combination"] == "sigmoid + sgd"
    both, epochs = ["accuracy", "val_accuracy"], histories.loc[~slow, ["epoch", "epoch"]]
    histories.loc[slow, both] = 0.1
    histories.loc[~slow, both] = 0.9 + epochs.to_numpy() / 1000

    figure = plot(learning_curves, histories, sweep.champion)
    picture = draw(learning_curves, histories, sweep.champion)

    low, high = figure.layout.yaxis.range
    assert 0.85 < low < 0.91 < high
    assert picture.axes[0].get_ylim() == (low, high)
    assert "some curves lie below" in title_of(figure)[1]


def test_curves_come_in_the_order_of_the_ranking():
    sweep = sample_sweep(THREE)
    board = sweep.leaderboard.iloc[::-1]

    figure = plot(learning_curves, sweep.histories, sweep.champion, board)

    assert [t.name for t in figure.data if t.showlegend] == board["combination"].tolist()


def test_the_heatmap_shows_values_marks_the_best_and_leaves_missing_pairs_blank():
    sweep = sample_sweep(THREE)

    cells = heatmap.prepare(sweep.leaderboard, sweep.champion, sample_verdicts(sweep))

    best = sweep.leaderboard["val_accuracy_mean"][0]
    assert (cells.activations, cells.optimizers) == (["relu", "sigmoid"], ["adam", "sgd"])
    assert cells.texts[0][0] == f"{best:.4f} ★"
    assert cells.texts[0][1].endswith("≈")
    assert cells.texts[1][0] == ""
    assert np.isnan(cells.values[1, 0])
    picture = draw(heatmap, sweep.leaderboard, sweep.champion, sample_verdicts(sweep))
    assert texts_of(picture)[:4] == [text for line in cells.texts for text in line]
    figure = plot(heatmap, sweep.leaderboard, sweep.champion, sample_verdicts(sweep))
    assert [each.text for each in figure.layout.annotations] == [
        text.replace("\n", "<br>") for line in cells.texts for text in line if text
    ]
    assert figure.layout.xaxis.type == "category"


def test_the_heatmap_marks_what_diverged_wholly_and_in_part():
    sweep = sample_sweep(THREE, seeds=(0, 1), diverged=(("relu", "sgd"),))
    board = sweep.leaderboard
    board.loc[board["combination"] == "sigmoid + sgd", "diverged"] = 1

    cells = heatmap.prepare(board, sweep.champion, sample_verdicts(sweep))

    texts = {
        (a, o): cells.texts[i][j]
        for i, a in enumerate(cells.activations)
        for j, o in enumerate(cells.optimizers)
    }
    assert texts["relu", "sgd"] == "diverged"
    assert texts["sigmoid", "sgd"].endswith("\n1 of 2 diverged")
    figure = plot(heatmap, board, sweep.champion, sample_verdicts(sweep))
    assert "diverged" in [each.text for each in figure.layout.annotations]


def test_the_heatmap_shows_the_best_choice_of_further_factors_and_says_so():
    sweep = sample_sweep(THREE, batch_sizes=(16, 64))
    board = sweep.leaderboard

    cells = heatmap.prepare(board, sweep.champion, sample_verdicts(sweep))
    figure = plot(heatmap, board, sweep.champion, sample_verdicts(sweep))

    both = board.query("activation == 'relu' and optimizer == 'sgd'")["val_accuracy_mean"]
    assert len(both) == 2
    assert cells.values[0, 1] == both.max()
    assert "each cell at its best batch size" in title_of(figure)[0]


def test_brighter_is_better_also_where_less_is():
    accuracy, error = sample_sweep(THREE), sample_sweep(THREE, task="regression")

    up = draw(heatmap, accuracy.leaderboard, accuracy.champion, sample_verdicts(accuracy))
    down = draw(heatmap, error.leaderboard, error.champion, sample_verdicts(error))

    for picture in (up, down):
        image = picture.axes[0].images[0]
        best, worst = (image.cmap(image.norm(image.get_array()[i])) for i in ((0, 0), (1, 1)))
        assert sum(best[:3]) > sum(worst[:3])


def failing(**changes):
    """Six combinations of which two are tied with the best and sigmoid fails with sgd."""
    pairs = [(a, o) for a in ("sigmoid", "tanh", "relu") for o in ("sgd", "adam")]
    sweep = sample_sweep(pairs, **changes)
    board = sweep.leaderboard
    worst = board["combination"] == "sigmoid + sgd"
    board["val_accuracy_mean"] = 0.96 - 0.01 * np.arange(len(board))
    board.loc[worst, "val_accuracy_mean"] = 0.1
    board["val_accuracy_ci_low"] = board["val_accuracy_mean"] - 0.01
    board["val_accuracy_ci_high"] = board["val_accuracy_mean"] + 0.01
    board.loc[worst, "tied_with_best"] = False
    return sweep


def test_what_failed_is_grey_with_its_verdict_and_leaves_the_colours_to_the_others():
    sweep = failing()
    info = heatmap.prepare(sweep.leaderboard, sweep.champion, sample_verdicts(sweep))

    place = info.activations.index("sigmoid"), info.optimizers.index("sgd")
    assert [tuple(each) for each in np.argwhere(info.failed)] == [place]
    assert info.texts[place[0]][place[1]] == "0.1000\nvanishing\ngradient"
    assert info.ink(*place) == "black"
    assert info.limits == pytest.approx((0.92, 0.96))
    figure = heatmap.plot(info)
    learned, failed = figure.data
    assert np.isnan(learned.z[place])
    assert (failed.z[place], np.isfinite(failed.z).sum()) == (0.1, 1)
    assert "grey: failed, and why" in title_of(figure)[1]
    image = heatmap.draw(info).axes[0].images[0]
    assert image.get_clim() == pytest.approx((0.92, 0.96))


def test_differences_within_an_interval_never_span_the_colours():
    sweep = failing()
    board = sweep.leaderboard
    board["val_accuracy_ci_low"] = board["val_accuracy_mean"] - 0.2
    info = heatmap.prepare(board, sweep.champion, sample_verdicts(sweep))
    assert info.limits == pytest.approx((0.75, 0.96))


def test_what_is_tied_is_outlined_and_never_grey():
    sweep = failing()
    board, verdicts = sweep.leaderboard, sample_verdicts(sweep)
    verdicts["verdict"] = "overfitting"
    board["val_accuracy_ci_low"] -= 0.02
    info = heatmap.prepare(board, sweep.champion, verdicts)

    assert info.tied.sum() == 3
    assert (info.failed == ~info.tied).all()
    lines = info.outline()
    assert len(lines) == len(set(lines))
    assert len(heatmap.plot(info).layout.shapes) == len(lines)


def test_what_failed_and_is_tied_for_want_of_seeds_is_grey_and_called_undecided():
    sweep = failing()
    board = sweep.leaderboard
    board.loc[board["combination"] == "sigmoid + sgd", "tied_with_best"] = True
    info = heatmap.prepare(board, sweep.champion, sample_verdicts(sweep))

    place = info.activations.index("sigmoid"), info.optimizers.index("sgd")
    assert info.failed[place]
    assert not info.tied[place]
    assert info.texts[place[0]][place[1]].startswith("0.1000 ?\n")
    assert "seeds differ too much to tell" in info.subtitle
    assert info.limits[0] > 0.9


def test_the_undecided_are_a_group_of_their_own_and_never_among_the_tied():
    sweep = sample_sweep(THREE, seeds=(0, 1))
    open_ = str(sweep.leaderboard["combination"][2])
    record = sample_comparison().model_copy(update={"undecided": (open_,)})
    place = sweep.leaderboard.iloc[2]

    map_ = heatmap.prepare(
        sweep.leaderboard, sweep.champion, sample_verdicts(sweep).assign(verdict="healthy"), record
    )
    ranked = ranking.prepare(sweep.leaderboard, sweep.champion, record)

    at = map_.activations.index(place["activation"]), map_.optimizers.index(place["optimizer"])
    assert not map_.tied[at]
    assert map_.texts[at[0]][at[1]].endswith(" ?")
    groups = ranked.rows.set_index("name")["group"]
    assert (groups == "tied with the best").sum() == 1
    assert groups[open_] == "undecided: too few seeds"


def test_the_outline_goes_around_cells_that_are_tied_together():
    sweep = failing()
    info = heatmap.prepare(sweep.leaderboard, sweep.champion, sample_verdicts(sweep))
    tied = np.array([[True, True], [False, False], [False, True]])
    assert len(replace(info, tied=tied).outline()) == 6 + 4


def test_the_confusion_matrix_shows_counts_and_the_champions_test_result():
    sweep = sample_sweep(THREE)
    counts = sweep.confusion_matrix.iloc[:, 1:].to_numpy()

    figure = plot(predictions, sweep.confusion_matrix, sweep.test_predictions, sweep.champion)
    picture = draw(predictions, sweep.confusion_matrix, sweep.test_predictions, sweep.champion)

    trace = figure.data[0]
    assert (np.asarray(trace.text) == counts).all()
    assert trace.z[3] == pytest.approx(counts[3] / counts[3].sum())
    assert texts_of(picture)[:100] == [str(each) for each in counts.flatten()]
    assert title_of(figure)[0] == "relu + adam on the test set: confusion matrix"
    assert "accuracy 0.9722 [0.9528, 0.9819] · 360 test rows" in title_of(figure)[1]


def test_a_class_called_true_does_not_collide_with_the_column_of_true_labels():
    matrix = pd.DataFrame([["false", 5, 1], ["true", 2, 7]], columns=["true", "false", "true"])
    champion = sample_sweep(THREE, task="binary", labels=("false", "true")).champion

    figure = plot(predictions, matrix, pd.DataFrame(), champion)

    assert tuple(figure.data[0].y) == ("false", "true")
    assert np.asarray(figure.data[0].text).tolist() == [[5, 1], [2, 7]]


def test_labels_are_text_and_never_markup():
    labels = ("<script>alert(1)</script>", "$x$")
    sweep = sample_sweep(THREE, task="binary", labels=labels)

    figure = plot(predictions, sweep.confusion_matrix, sweep.test_predictions, sweep.champion)
    picture = draw(predictions, sweep.confusion_matrix, sweep.test_predictions, sweep.champion)

    assert figure.data[0].x[0] == "&lt;script&gt;alert(1)&lt;/script&gt;"
    ticks = picture.axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == list(labels)
    assert not any(tick.get_parse_math() for tick in ticks)


def test_a_regression_shows_predicted_against_true_values():
    sweep = sample_sweep(THREE, task="regression")
    rows = sweep.test_predictions

    figure = plot(predictions, sweep.confusion_matrix, rows, sweep.champion)
    picture = draw(predictions, sweep.confusion_matrix, rows, sweep.champion)

    points = figure.data[1]
    assert list(points.x) == list(rows["true"])
    assert list(points.y) == list(rows["predicted"])
    assert picture.axes[0].collections[0].get_offsets().data == pytest.approx(
        rows[["true", "predicted"]].to_numpy()
    )
    assert "mean absolute error 44.31" in title_of(figure)[1]


def test_the_ranking_shows_best_tied_and_worse_with_their_intervals():
    sweep = sample_sweep()
    board = sweep.leaderboard

    figure = plot(ranking, board, sweep.champion)
    picture = draw(ranking, board, sweep.champion)

    assert {t.name: len(t.x) for t in figure.data} == {
        "best": 1,
        "tied with the best": 2,
        "worse than the best": 27,
    }
    best = figure.data[0]
    assert (best.y, best.x[0]) == (("gelu + adam",), board["val_accuracy_mean"][0])
    assert best.error_x.array[0] == pytest.approx(0.012)
    assert list(figure.layout.yaxis.categoryarray) == list(board["combination"])
    assert [tick.get_text() for tick in picture.axes[0].get_yticklabels()] == list(
        board["combination"]
    )
    assert "95 % intervals" in title_of(figure)[1]


def test_one_that_failed_does_not_press_the_others_together():
    sweep = sample_sweep(THREE)
    board = sweep.leaderboard
    names = [f"val_accuracy_{end}" for end in ("mean", "ci_low", "ci_high")]
    board.loc[0, names], board.loc[1, names] = [0.97, 0.96, 0.98], [0.96, 0.95, 0.97]
    board.loc[2, names] = [0.1, 0.09, 0.11]

    ranks = ranking.prepare(board, sweep.champion)
    figure = plot(ranking, board, sweep.champion)
    picture = draw(ranking, board, sweep.champion)

    assert 0.9 < ranks.limits[0] < 0.95 < 0.98 < ranks.limits[1] < 1
    assert ranks.rows["outside"].tolist() == [False, False, True]
    assert figure.data[1].marker.symbol == ("circle", "triangle-left")
    assert figure.data[1].customdata[1][0] == 0.1
    assert "triangles: 1 combination beyond the axis" in title_of(figure)[1]
    assert picture.axes[0].get_xlim() == ranks.limits


def test_baselines_have_a_mark_of_their_own_in_the_ranking_and_no_cell_in_the_heatmap():
    sweep = sample_sweep(THREE)
    plain = heatmap.prepare(sweep.leaderboard, sweep.champion, sample_verdicts(sweep))
    add_sample_baselines(sweep, 0.05, 0.999)
    board = sweep.leaderboard

    ranks = ranking.prepare(board, sweep.champion)
    figure, picture = plot(ranking, board, sweep.champion), draw(ranking, board, sweep.champion)

    groups = ranks.rows.set_index("name")["group"].astype(str).to_dict()
    assert groups["logistic regression"] == groups["most frequent class"]
    assert groups["logistic regression"] == "baseline, no deep network"
    assert groups["relu + adam"] == "best"
    assert "3 combinations and 2 baselines" in title_of(figure)[0]
    assert picture.axes[0].get_yticklabels()[0].get_text() == "logistic regression"
    assert heatmap.prepare(board, sweep.champion, sample_verdicts(sweep)).texts == plain.texts


def test_of_an_error_the_axis_is_cut_on_the_other_side():
    sweep = sample_sweep(THREE, task="regression")
    board = sweep.leaderboard
    board.loc[2, ["val_mae_mean", "val_mae_ci_low", "val_mae_ci_high"]] = [900, 800, 1000]

    ranks = ranking.prepare(board, sweep.champion)

    assert ranks.rows["outside"].tolist() == [False, False, True]
    assert ranks.limits[1] < 800


def test_rates_are_averaged_over_seeds_and_a_diverged_trial_has_no_value():
    sweep = sample_sweep()
    screening = sample_screening(sweep)
    again = screening.assign(seed=101, val_accuracy=screening["val_accuracy"] + 0.02)

    found = {
        curve.combination: curve
        for curve in learning_rates.prepare(pd.concat([screening, again]), sweep.champion).curves
    }

    best = sweep.leaderboard.set_index("combination")["val_accuracy_mean"]
    adam = found["gelu + adam"]
    assert list(adam.means.index) == pytest.approx([0.0001, 0.001, 0.01])
    assert adam.means[0.001] == pytest.approx(best["gelu + adam"] + 0.01)
    assert (adam.chosen, adam.edge) == (0.001, "")
    assert (found["relu + sgd"].chosen, found["relu + sgd"].edge) == (0.01, "high")
    assert np.isnan(found["sigmoid + adam"].means.iloc[2])


def test_the_screening_has_one_panel_per_optimizer_and_marks_choice_edge_and_divergence():
    sweep = sample_sweep()
    screening = sample_screening(sweep)

    figure = plot(learning_rates, screening, sweep.champion)
    picture = draw(learning_rates, screening, sweep.champion)

    panels = {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"}
    assert {each.text for each in figure.layout.annotations} == panels
    assert {axis.get_title() for axis in picture.axes if axis.get_visible()} == panels
    symbols = {t.meta[0]: t.marker.symbol for t in figure.data if t.mode == "lines+markers"}
    assert len(symbols) == 30
    assert symbols["gelu + adam"] == ("circle-open", "circle", "circle-open")
    assert symbols["relu + sgd"] == ("circle-open", "circle-open", "triangle-right")
    first = picture.axes[0]
    assert first.get_title() == "adam"
    labels = ["0.0001", "0.001", "0.01"]
    assert list(figure.layout.xaxis.ticktext) == labels
    assert [tick.get_text() for tick in first.get_xticklabels()] == labels
    (cross,) = (t for t in figure.data if t.mode == "markers")
    assert (cross.meta[0], cross.marker.symbol, tuple(cross.x)) == (
        "sigmoid + adam", "x", (pytest.approx(0.01),),
    )  # fmt: skip
    assert [t.name for t in figure.data if t.showlegend] == [
        "gelu", "elu", "relu", "tanh", "sigmoid",
    ]  # fmt: skip
    times = "\N{MULTIPLICATION SIGN}"
    subtitle = title_of(figure)[1]
    assert (
        f"screening: 3 learning rates per combination {times} 1 seed {times} 10 epochs" in subtitle
    )
    assert "on the edge of what was tried" in subtitle


def test_without_a_screening_the_figure_says_so(tmp_path):
    sweep = sample_sweep(THREE)
    nothing = sample_screening(sweep)[:0]

    figure, picture = FIGURES["learning_rates"].render(nothing, sweep.champion)

    assert "No screening" in title_of(figure)[0]
    assert "No screening" in picture.get_suptitle()
    assert len(figure.data) == len(picture.axes) == 0
    picture.savefig(tmp_path / "nothing.png")


def profile_figures(sweep, histories):
    times = time_to_target.measure_time_to_target(histories, sweep.champion)
    return FIGURES["time_to_target"].render(times, histories, sweep.champion)


def test_time_to_target_shows_who_got_there_and_counts_who_did_not():
    sweep = sample_sweep(seeds=(0, 1))
    capped = sweep.histories["val_accuracy"].clip(upper=0.7)

    figure, picture = profile_figures(sweep, sweep.histories.assign(val_accuracy=capped))

    assert 7 < len(figure.data) < 30
    assert [trace.visible for trace in figure.data[:8]] == [True] * 7 + ["legendonly"]
    assert figure.data[0].line.shape == "hv"
    assert all(max(trace.y) > 0 for trace in figure.data)
    subtitle = title_of(figure)[1]
    assert "target: validation accuracy 0.6860 (98 % of the best combination's)" in subtitle
    assert f"{30 - len(figure.data)} combinations never reached the target" in subtitle
    assert len(picture.axes[0].lines) == len(figure.data)
    assert [text.get_text() for text in picture.legends[0].get_texts()] == [
        trace.name for trace in figure.data[:7]
    ]


def test_a_target_that_no_combination_reaches_draws_an_empty_figure(tmp_path):
    sweep = sample_sweep(THREE, diverged=tuple(THREE))

    figure, picture = profile_figures(sweep, sweep.histories)

    assert len(figure.data) == 0
    assert "3 combinations never reached the target" in title_of(figure)[1]
    picture.savefig(tmp_path / "empty.png")


@pytest.mark.parametrize("pairs", [[("relu", "adam")], THREE, None])
def test_pictures_are_drawn_without_pyplot(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    sweep = sample_sweep(pairs, epochs=1 if pairs == [("relu", "adam")] else 20)
    given = sweep.inputs() | {
        "screening": sample_screening(sweep),
        "time_to_target": time_to_target.measure_time_to_target(sweep.histories, sweep.champion),
        "verdicts": sample_verdicts(sweep),
        "diagnostics": sample_diagnostics(sweep),
        "comparison": sample_comparison(),
    }
    for name, figure in FIGURES.items():
        _, picture = figure.render(*(given[each] for each in figure.inputs))
        picture.savefig(tmp_path / f"{name}.png", dpi=50)
        assert (tmp_path / f"{name}.png").stat().st_size > 2_000


def test_of_very_many_combinations_the_best_sixty_are_drawn_and_the_title_says_so():
    epochs, combinations = 3, 200
    histories = pd.DataFrame(
        [
            {
                "combination": f"relu + o{number:03}", "activation": "relu",
                "optimizer": f"o{number:03}", "seed": 0, "status": "completed", "epoch": epoch,
                "accuracy": number / 300, "val_accuracy": number / 300 + epoch / 1e4,
            }
            for number in range(combinations)
            for epoch in range(1, epochs + 1)
        ]
    )  # fmt: skip
    champion = sample_sweep().champion

    figure = plot(learning_curves, histories, champion)
    picture = draw(learning_curves, histories, champion)

    drawn = {trace.meta[0] for trace in figure.data}
    assert drawn == {f"relu + o{number:03}" for number in range(140, 200)}
    for title in (figure.layout.title.text, picture.get_suptitle().replace("\n", " ")):
        assert "the best 60 of 200 combinations" in title
