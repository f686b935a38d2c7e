"""The model card: what whoever uses the registered model should know of it."""

from dataclasses import dataclass
from html import escape
from typing import Any

from markupsafe import Markup

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.reporting.pages import page_template
from dnn_sweep.core.reporting.results import SweepResults

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
        trial_id: Its trial, which distinguishes it from a version in another registry.
        text: Markdown, short enough to be a description.
    """

    name: str
    version: str
    trial_id: str
    text: str


def write_model_card(results: SweepResults) -> str:
    """Write the model card in Markdown; names that come from the data are escaped.

    Args:
        results: What the sweep left behind.

    References:
        Mitchell et al. 2019, Model Cards for Model Reporting.
    """
    page = page_template(
        "model_card.md.j2",
        {
            "listed": _listed,
            "cell": lambda text: str(text).replace("|", "\\|").replace("\n", " "),
        },
        # Markdown may hold HTML, and MLflow shows it: what comes from the data is text.
        finalize=_text,
    )
    return page.render(
        results=results,
        champion=results.champion,
        schema=results.schema,
        hidden=[layer.units for layer in results.configuration.network.hidden],
        weakest=results.class_report.sort_values("recall").head(WORST_CLASSES).to_dict("records"),
        # In a block of code nothing is read as markup, and nothing is unescaped.
        command=Markup(results.command),  # noqa: S704
    )


def describe_version(model_card: str, champion: Champion) -> VersionCard:
    """Address the model card to the version that was registered.

    Args:
        model_card: The whole card; the registry gets one that is short enough for it.
        champion: The champion's record.
    """
    registered = champion.registered
    return VersionCard(
        name=registered.name,
        version=registered.version,
        trial_id=champion.trial_id,
        text=shorten_card(model_card),
    )


def shorten_card(card: str, most: int = MOST_CHARACTERS) -> str:
    """Leave out whole paragraphs at the end of a card that is too long, and say so."""
    if len(card) <= most:
        return card
    return card[: most - len(CUT)].rpartition("\n\n")[0] + CUT


def _text(value: Any) -> Any:
    """Escape what HTML would read, but leave quotes as they are: the card is read raw, too."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(escape(value, quote=False))  # noqa: S704


def _listed(names: list[Any]) -> str:
    """Name a few, and say how many more there are."""
    few = ", ".join(str(name) for name in names[:MOST_NAMED])
    return few + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
