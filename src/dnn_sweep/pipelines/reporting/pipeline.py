"""The ``reporting`` pipeline: from results to figures, a page and the console."""

from dataclasses import fields

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.missing import FOR_READERS
from dnn_sweep.core.reporting.console import record_seconds, summarize_sweep
from dnn_sweep.core.reporting.example_rows import choose_example_rows
from dnn_sweep.core.reporting.figures import FIGURES
from dnn_sweep.core.reporting.figures.time_to_target import measure_time_to_target
from dnn_sweep.core.reporting.finalists import summarize_finalists
from dnn_sweep.core.reporting.model_card import describe_version, shorten_card, write_model_card
from dnn_sweep.core.reporting.report import write_report
from dnn_sweep.core.reporting.results import SweepResults

FROM_PARAMETERS = {"launcher", "environment", "given"}


def create_pipeline() -> Pipeline:
    """Wire the pipeline; the console's summary waits for the report, so it comes last."""
    figures = [
        Node(
            figure.render,
            inputs=figure.inputs,
            outputs=f"{name}_figure",
            name=f"draw_{name}",
        )
        for name, figure in FIGURES.items()
    ]
    names = [field.name for field in fields(SweepResults)]
    return Pipeline(
        [
            Node(
                measure_time_to_target,
                inputs=["histories", "champion"],
                outputs="time_to_target",
                name="measure_time_to_target",
            ),
            *figures,
            Node(
                summarize_finalists,
                inputs=["search", "finals_plan", "leaderboard"],
                outputs="finalist_summaries",
                name="summarize_finalists",
            ),
            Node(
                SweepResults,
                inputs={n: f"params:{n}" if n in FROM_PARAMETERS else n for n in names},
                outputs="sweep_results",
                name="collect_results",
            ),
            Node(
                write_report,
                inputs={"results": "sweep_results"} | {n: f"{n}_figure" for n in FIGURES},
                outputs="report",
                name="write_report",
            ),
            Node(write_model_card, "sweep_results", "model_card", name="write_model_card"),
            Node(choose_example_rows, "sweep_results", "example_rows", name="choose_example_rows"),
            Node(shorten_card, "model_card", "sweep_description", name="describe_sweep"),
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
                inputs=["sweep_results", "report", "stage_seconds"],
                outputs="console",
                name="summarize_sweep",
            ),
        ],
        tags={"reporting", FOR_READERS},
    )
