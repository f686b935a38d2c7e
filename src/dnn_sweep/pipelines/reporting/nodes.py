"""Nodes that show what a sweep found.

Figures are annotated ``Any``: Kedro resolves a node's annotations to build its parameters, so
each must be importable without importing plotly or matplotlib.
"""

from typing import Any

import pandas as pd

from dnn_sweep.core import summary
from dnn_sweep.core.figures import critical_difference, heatmap, learning_curves, predictions
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.report import render_report
from dnn_sweep.core.tables import Schema


def draw_learning_curves(histories: pd.DataFrame, champion: dict[str, Any]) -> tuple[Any, Any]:
    """Draw every combination's training and validation curve.

    Args:
        histories: One row a trial and epoch.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    objective = objective_of(champion["task"])
    return (
        learning_curves.plot_learning_curves(histories, objective, champion),
        learning_curves.draw_learning_curves(histories, objective, champion),
    )


def draw_heatmap(leaderboard: pd.DataFrame, champion: dict[str, Any]) -> tuple[Any, Any]:
    """Draw the validation objective of every activation with every optimizer.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    objective = objective_of(champion["task"])
    return (
        heatmap.plot_heatmap(leaderboard, objective, champion),
        heatmap.draw_heatmap(leaderboard, objective, champion),
    )


def draw_critical_difference(
    seed_scores: pd.DataFrame, champion: dict[str, Any]
) -> tuple[Any, Any]:
    """Draw mean ranks over the seeds, and which are too close to call.

    Args:
        seed_scores: One row a combination and seed.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    objective = objective_of(champion["task"])
    return (
        critical_difference.plot_critical_difference(seed_scores, objective, champion),
        critical_difference.draw_critical_difference(seed_scores, objective, champion),
    )


def draw_predictions(
    confusion_matrix: pd.DataFrame, test_predictions: pd.DataFrame, champion: dict[str, Any]
) -> tuple[Any, Any]:
    """Draw the champion on the test split.

    Args:
        confusion_matrix: Counts of true against predicted labels; no rows for a regression.
        test_predictions: The champion's prediction for every test row.
        champion: The champion's record.

    Returns:
        The confusion matrix, for a regression predicted against true values: the interactive
        figure and the picture.
    """
    if champion["task"] == "regression":
        return (
            predictions.plot_predicted_against_true(test_predictions, champion),
            predictions.draw_predicted_against_true(test_predictions, champion),
        )
    return (
        predictions.plot_confusion_matrix(confusion_matrix, champion),
        predictions.draw_confusion_matrix(confusion_matrix, champion),
    )


def write_report(
    leaderboard: pd.DataFrame,
    champion: dict[str, Any],
    class_report: pd.DataFrame,
    schema: Schema,
    heatmap_figure: Any,
    learning_curves_figure: Any,
    predictions_figure: Any,
    network_summaries: dict[str, str],
    configuration: dict[str, Any],
    launcher: str,
    environment: str,
) -> str:
    """Write the report page.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        class_report: Precision, recall, F1 and support of each class.
        schema: What the rows look like.
        heatmap_figure: From `draw_heatmap`.
        learning_curves_figure: From `draw_learning_curves`.
        predictions_figure: From `draw_predictions`.
        network_summaries: Each distinct network's summary by its name.
        configuration: Every group of parameters.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.

    Returns:
        A self-contained HTML page.
    """
    return render_report(
        leaderboard=leaderboard,
        champion=champion,
        class_report=class_report,
        schema=schema,
        figures={
            "heatmap": heatmap_figure,
            "learning_curves": learning_curves_figure,
            "predictions": predictions_figure,
        },
        network_summaries=network_summaries,
        configuration=configuration,
        launcher=launcher,
        environment=environment,
    )


def record_seconds(stage_clock: dict[str, float], report: str) -> dict[str, float]:
    """Where the run's seconds went, once the report is written.

    Args:
        stage_clock: Seconds by stage, in the order of a run.
        report: The finished report page.

    Returns:
        The same, to be kept.
    """
    del report  # only waited for
    return stage_clock


def summarize_sweep(
    leaderboard: pd.DataFrame,
    champion: dict[str, Any],
    launcher: str,
    environment: str,
    report: str,
    stage_seconds: dict[str, float],
) -> Any:
    """Put the end of a sweep into words for the console, once the report is written.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        report: The finished report page.
        stage_seconds: Where the run's seconds went, by stage.

    Returns:
        What the console prints.
    """
    return summary.summarize_sweep(
        leaderboard, champion, launcher, environment, report, stage_seconds
    )
