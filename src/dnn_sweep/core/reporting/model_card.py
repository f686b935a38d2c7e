"""The model card: what whoever uses the registered model should know of it."""

from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.formatting import format_interval
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.reporting.commands import data_parameters, kedro_run
from dnn_sweep.core.reporting.figures.rate_curves import describe_rates
from dnn_sweep.core.reporting.pages import page_template
from dnn_sweep.parameters import Configuration

MOST_NAMED = 20
WORST_CLASSES = 3
MOST_CHARACTERS = 5000  # that MLflow keeps of a version's description
CUT = "\n\n*Cut here: the whole card is `model_card.md` among the artifacts of the sweep's run.*\n"


@dataclass(frozen=True)
class VersionCard:
    """The card of one registered version.

    Args:
        name: The registered model.
        version: Its version.
        trial_id: The trial that it was trained as; tells it from another registry's version.
        text: Markdown, short enough to be a description.
    """

    name: str
    version: str
    trial_id: str
    text: str


def render_model_card(
    *,
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
    """Write the model card.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        class_report: Precision, recall, F1 and support of each class; no rows for a regression.
        schema: What the rows look like.
        configuration: Every group of parameters.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        screening: One row a screened trial; ``None``, or no rows, where rates were fixed.
        comparison: The statistics' plain words under ``sentences``.

    Returns:
        Markdown; names that come from the data are escaped.

    References:
        Mitchell et al. 2019, Model Cards for Model Reporting.
    """
    from markupsafe import Markup

    page = page_template(
        "model_card.md.j2",
        {
            "listed": _listed,
            "cell": lambda text: str(text).replace("|", "\\|").replace("\n", " "),
        },
        # Markdown may hold HTML, and MLflow shows it: what comes from the data is text.
        finalize=_text,
    )
    command = kedro_run(launcher, "train", environment, data_parameters(configuration.data))
    best = str(leaderboard["combination"].iloc[0])
    weakest = class_report.sort_values("recall").head(WORST_CLASSES)
    return page.render(
        champion=champion,
        best=best,
        title=champion.headline(best),
        registered=champion.registered,
        schema=schema,
        objective=objective_of(schema.task),
        hidden=[layer.units for layer in configuration.network.hidden],
        budget=str(champion.budget),
        rates=describe_rates(leaderboard, screening),
        rows=str(champion.rows),
        interval=format_interval,
        weakest=weakest.to_dict("records"),
        sentences=comparison.sentences if comparison else [],
        # In a block of code nothing is read as markup, and nothing is unescaped.
        command=Markup(command),  # noqa: S704
    )


def shorten_card(card: str, most: int = MOST_CHARACTERS) -> str:
    """Leave out whole paragraphs at the end of a card that is too long, and say so."""
    if len(card) <= most:
        return card
    return card[: most - len(CUT)].rpartition("\n\n")[0] + CUT


def _text(value: Any) -> Any:
    """Escape what HTML would read, but leave quotes as they are: the card is read raw, too."""
    from markupsafe import Markup

    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(escape(value, quote=False))  # noqa: S704


def _listed(names: list[Any]) -> str:
    """Name a few, and say how many more there are."""
    few = ", ".join(str(name) for name in names[:MOST_NAMED])
    return few + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
