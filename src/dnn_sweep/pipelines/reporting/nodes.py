"""Nodes that show what a sweep found.

Figures are annotated ``Any``: Kedro resolves a node's annotations to build its parameters, so
each must be importable without importing plotly or matplotlib.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison import time_to_target
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.reporting import console as summary
from dnn_sweep.core.reporting import model_card
from dnn_sweep.core.reporting.figures import (
    critical_difference,
    heatmap,
    learning_curves,
    learning_rates,
    predictions,
    ranking,
)
from dnn_sweep.core.reporting.figures import diagnostics as layer_figures
from dnn_sweep.core.reporting.figures import time_to_target as profiles
from dnn_sweep.core.reporting.mistakes import show_mistakes
from dnn_sweep.core.reporting.report import render_report
from dnn_sweep.parameters import Configuration


def _both(
    plot: Callable[..., Any],
    draw: Callable[..., Any],
    table: pd.DataFrame,
    champion: Champion,
) -> tuple[Any, Any]:
    """The interactive figure of a table and the picture."""
    given = table, objective_of(champion.task), champion
    return plot(*given), draw(*given)


def draw_learning_curves(histories: pd.DataFrame, champion: Champion) -> tuple[Any, Any]:
    """Draw every combination's training and validation curve.

    Args:
        histories: One row a trial and epoch.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    return _both(
        learning_curves.plot_learning_curves,
        learning_curves.draw_learning_curves,
        histories,
        champion,
    )


def draw_heatmap(leaderboard: pd.DataFrame, champion: Champion) -> tuple[Any, Any]:
    """Draw the validation objective of every activation with every optimizer.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    return _both(heatmap.plot_heatmap, heatmap.draw_heatmap, leaderboard, champion)


def draw_critical_difference(seed_scores: pd.DataFrame, champion: Champion) -> tuple[Any, Any]:
    """Draw mean ranks over the seeds, and which are too close to call.

    Args:
        seed_scores: One row a combination and seed.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    return _both(
        critical_difference.plot_critical_difference,
        critical_difference.draw_critical_difference,
        seed_scores,
        champion,
    )


def draw_ranking(leaderboard: pd.DataFrame, champion: Champion) -> tuple[Any, Any]:
    """Draw each combination's mean and interval, and which are tied with the best.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    return _both(ranking.plot_ranking, ranking.draw_ranking, leaderboard, champion)


def draw_learning_rates(screening: pd.DataFrame, champion: Champion) -> tuple[Any, Any]:
    """Draw what the screening saw at each learning rate.

    Args:
        screening: One row a screened trial; no rows where the rates were fixed.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    return _both(
        learning_rates.plot_learning_rates, learning_rates.draw_learning_rates, screening, champion
    )


def draw_diagnostics(
    diagnostics: pd.DataFrame,
    verdicts: pd.DataFrame,
    leaderboard: pd.DataFrame,
    champion: Champion,
) -> tuple[Any, Any]:
    """Draw what a few combinations' layers went through, the best and the worst among them.

    Args:
        diagnostics: One row a trial, measured epoch and layer; none where nothing was measured.
        verdicts: One row a combination.
        leaderboard: One row a combination, best first.
        champion: The champion's record.

    Returns:
        The interactive figure and the picture.
    """
    return (
        layer_figures.plot_diagnostics(diagnostics, verdicts, leaderboard, champion),
        layer_figures.draw_diagnostics(diagnostics, verdicts, leaderboard, champion),
    )


def draw_time_to_target(
    histories: pd.DataFrame, champion: Champion
) -> tuple[pd.DataFrame, Any, Any]:
    """Measure how long each trial took to become good enough, and draw who is fast.

    Args:
        histories: One row a trial and epoch.
        champion: The champion's record.

    Returns:
        Epochs, optimizer steps and seconds to the target of each trial, the interactive figure
        and the picture.
    """
    objective = objective_of(champion.task)
    target = time_to_target.default_target(histories, objective)
    times = time_to_target.time_to_target(histories, objective, champion.rows.train, target.value)
    return (
        times,
        profiles.plot_time_to_target(times, target, objective, champion),
        profiles.draw_time_to_target(times, target, objective, champion),
    )


def draw_predictions(
    confusion_matrix: pd.DataFrame, test_predictions: pd.DataFrame, champion: Champion
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
    if champion.task == "regression":
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
    champion: Champion,
    class_report: pd.DataFrame,
    schema: Schema,
    test_predictions: pd.DataFrame,
    test_rows: pd.DataFrame,
    time_to_target_table: pd.DataFrame,
    heatmap_figure: Any,
    ranking_figure: Any,
    learning_curves_figure: Any,
    time_to_target_figure: Any,
    predictions_figure: Any,
    network_summaries: dict[str, str],
    configuration: Configuration,
    launcher: str,
    environment: str,
    screening: pd.DataFrame | None = None,
    learning_rates_figure: Any = None,
    comparison: Comparison | None = None,
    critical_difference_figure: Any = None,
    verdicts: pd.DataFrame | None = None,
    diagnostics_figure: Any = None,
) -> str:
    """Write the report page.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        class_report: Precision, recall, F1 and support of each class.
        schema: What the rows look like.
        test_predictions: The champion's prediction for every test row.
        test_rows: The raw test rows.
        time_to_target_table: From `draw_time_to_target`.
        heatmap_figure: From `draw_heatmap`.
        ranking_figure: From `draw_ranking`.
        learning_curves_figure: From `draw_learning_curves`.
        time_to_target_figure: From `draw_time_to_target`.
        predictions_figure: From `draw_predictions`.
        network_summaries: Each distinct network's summary by its name.
        configuration: Every group of parameters.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        screening: One row a screened trial; ``None``, or no rows, where the rates were fixed.
        learning_rates_figure: From `draw_learning_rates`; left out without a screening.
        comparison: What the statistics say, in words.
        critical_difference_figure: Mean ranks and which cannot be told apart.
        verdicts: Why each combination does as it does.
        diagnostics_figure: What the layers went through.

    Returns:
        A self-contained HTML page.
    """
    screened = screening is not None and not screening.empty
    figures = {
        "heatmap": heatmap_figure,
        "ranking": ranking_figure,
        "critical_difference": critical_difference_figure,
        "learning_curves": learning_curves_figure,
        "learning_rates": learning_rates_figure if screened else None,
        "diagnostics": diagnostics_figure,
        "time_to_target": time_to_target_figure,
        "predictions": predictions_figure,
    }
    return render_report(
        leaderboard=leaderboard,
        champion=champion,
        class_report=class_report,
        schema=schema,
        figures={name: figure for name, figure in figures.items() if figure is not None},
        network_summaries=network_summaries,
        configuration=configuration,
        launcher=launcher,
        environment=environment,
        times=time_to_target_table,
        mistakes=show_mistakes(test_predictions, test_rows, schema),
        screening=screening,
        verdicts=verdicts,
        comparison=comparison,
    )


def write_model_card(
    leaderboard: pd.DataFrame,
    champion: Champion,
    class_report: pd.DataFrame,
    schema: Schema,
    configuration: Configuration,
    launcher: str,
    environment: str,
    screening: pd.DataFrame | None = None,
    comparison: Comparison | None = None,
) -> str:
    """Write what whoever uses the registered model should know.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        class_report: Precision, recall, F1 and support of each class.
        schema: What the rows look like.
        configuration: Every group of parameters.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        screening: One row a screened trial; ``None``, or no rows, where the rates were fixed.
        comparison: What the statistics say, in words.

    Returns:
        Markdown.
    """
    return model_card.render_model_card(
        leaderboard=leaderboard,
        champion=champion,
        class_report=class_report,
        schema=schema,
        configuration=configuration,
        launcher=launcher,
        environment=environment,
        screening=screening,
        comparison=comparison,
    )


def describe_version(model_card_text: str, champion: Champion) -> model_card.VersionCard:
    """Address the model card to the version that was registered.

    Args:
        model_card_text: The whole card.
        champion: The champion's record.

    Returns:
        The card, short enough for the registry.
    """
    registered = champion.registered
    return model_card.VersionCard(
        name=registered.name,
        version=registered.version,
        trial_id=champion.trial_id,
        text=model_card.shorten_card(model_card_text),
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
    champion: Champion,
    launcher: str,
    environment: str,
    report: str,
    stage_seconds: dict[str, float],
    comparison: Comparison,
    screening: pd.DataFrame,
) -> Any:
    """Put the end of a sweep into words for the console, once the report is written.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        report: The finished report page.
        stage_seconds: Where the run's seconds went, by stage.
        comparison: What the statistics say, in words.
        screening: One row a screened trial; no rows where the rates were fixed.

    Returns:
        What the console prints.
    """
    return summary.summarize_sweep(
        leaderboard,
        champion,
        launcher,
        environment,
        report,
        stage_seconds,
        comparison,
        screening,
    )
