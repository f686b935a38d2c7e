"""The ``reporting`` pipeline: from results to figures, a page and the console."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.pipelines.reporting.nodes import (
    draw_heatmap,
    draw_learning_curves,
    draw_predictions,
    record_seconds,
    summarize_sweep,
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
                write_report,
                inputs=[
                    "leaderboard",
                    "champion",
                    "class_report",
                    "schema",
                    "heatmap_figure",
                    "learning_curves_figure",
                    "predictions_figure",
                    "network_summaries",
                    "configuration",
                    "params:launcher",
                    "params:environment",
                ],
                outputs="report",
                name="write_report",
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
                ],
                outputs="console",
                name="summarize_sweep",
            ),
        ],
        tags="reporting",
    )
