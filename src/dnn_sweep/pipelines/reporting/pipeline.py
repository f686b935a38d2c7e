"""The ``reporting`` pipeline: from results to figures, a page and the console."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.pipelines.reporting.nodes import (
    describe_version,
    draw_critical_difference,
    draw_diagnostics,
    draw_heatmap,
    draw_learning_curves,
    draw_learning_rates,
    draw_predictions,
    draw_ranking,
    draw_time_to_target,
    record_seconds,
    summarize_sweep,
    write_model_card,
    write_report,
)


def create_pipeline() -> Pipeline:
    """Wire the pipeline; the console's summary waits for the report, so it comes last."""
    return Pipeline(
        [
            Node(
                draw_learning_curves,
                inputs=["histories", "champion"],
                outputs=["learning_curves_figure", "learning_curves_image"],
                name="draw_learning_curves",
            ),
            Node(
                draw_heatmap,
                inputs=["leaderboard", "champion"],
                outputs=["heatmap_figure", "heatmap_image"],
                name="draw_heatmap",
            ),
            Node(
                draw_predictions,
                inputs=["confusion_matrix", "test_predictions", "champion"],
                outputs=["predictions_figure", "predictions_image"],
                name="draw_predictions",
            ),
            Node(
                draw_ranking,
                inputs=["leaderboard", "champion"],
                outputs=["ranking_figure", "ranking_image"],
                name="draw_ranking",
            ),
            Node(
                draw_critical_difference,
                inputs=["seed_scores", "champion"],
                outputs=["critical_difference_figure", "critical_difference_image"],
                name="draw_critical_difference",
            ),
            Node(
                draw_learning_rates,
                inputs=["screening", "champion"],
                outputs=["learning_rates_figure", "learning_rates_image"],
                name="draw_learning_rates",
            ),
            Node(
                draw_diagnostics,
                inputs=["diagnostics", "verdicts", "leaderboard", "champion"],
                outputs=["diagnostics_figure", "diagnostics_image"],
                name="draw_diagnostics",
            ),
            Node(
                draw_time_to_target,
                inputs=["histories", "champion"],
                outputs=["time_to_target", "time_to_target_figure", "time_to_target_image"],
                name="draw_time_to_target",
            ),
            Node(
                write_report,
                inputs={
                    "leaderboard": "leaderboard",
                    "champion": "champion",
                    "class_report": "class_report",
                    "schema": "schema",
                    "test_predictions": "test_predictions",
                    "test_rows": "test_rows",
                    "screening": "screening",
                    "comparison": "comparison",
                    "verdicts": "verdicts",
                    "learning_rates_figure": "learning_rates_figure",
                    "critical_difference_figure": "critical_difference_figure",
                    "diagnostics_figure": "diagnostics_figure",
                    "time_to_target_table": "time_to_target",
                    "heatmap_figure": "heatmap_figure",
                    "ranking_figure": "ranking_figure",
                    "learning_curves_figure": "learning_curves_figure",
                    "time_to_target_figure": "time_to_target_figure",
                    "predictions_figure": "predictions_figure",
                    "network_summaries": "network_summaries",
                    "configuration": "configuration",
                    "launcher": "params:launcher",
                    "environment": "params:environment",
                },
                outputs="report",
                name="write_report",
            ),
            Node(
                write_model_card,
                inputs={
                    "leaderboard": "leaderboard",
                    "champion": "champion",
                    "class_report": "class_report",
                    "schema": "schema",
                    "configuration": "configuration",
                    "launcher": "params:launcher",
                    "environment": "params:environment",
                    "screening": "screening",
                    "comparison": "comparison",
                },
                outputs="model_card",
                name="write_model_card",
            ),
            Node(
                describe_version,
                inputs=["model_card", "champion"],
                outputs="version_description",
                name="describe_version",
            ),
            Node(
                record_seconds,
                inputs=["stage_clock", "report"],
                outputs="stage_seconds",
                name="record_seconds",
            ),
            Node(
                summarize_sweep,
                inputs=[
                    "leaderboard",
                    "champion",
                    "params:launcher",
                    "params:environment",
                    "report",
                    "stage_seconds",
                    "comparison",
                    "screening",
                ],
                outputs="console",
                name="summarize_sweep",
            ),
        ],
        tags="reporting",
    )
