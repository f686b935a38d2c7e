"""The model card: what users of the registered model should know about it."""

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
    """The card of one registered version."""

    name: str  # of the registered model
    version: str
    trial_id: str  # distinguishes it from a version in another registry
    text: str  # Markdown, short enough to be a description


def write_model_card(results: SweepResults) -> str:
    """Write the model card in Markdown; names that come from the data are escaped.

    References:
        Mitchell et al. 2019, Model Cards for Model Reporting.

    >>> print(write_model_card(sweep_results).splitlines()[0])
    # Model card: dnn_sweep_iris version 1
    """
    # Markdown may hold HTML, and MLflow shows it: what comes from the data is text.
    filters = {"listed": _listed, "cell": _cell}
    page = page_template("model_card.md.j2", filters, finalize=_text)
    return page.render(
        results=results,
        champion=results.champion,
        schema=results.schema,
        network=results.configuration.network,
        weakest=results.class_report.sort_values("recall").head(WORST_CLASSES).to_dict("records"),
        # In a block of code nothing is read as markup, and nothing is unescaped.
        command=Markup(results.command),  # noqa: S704
    )


def describe_version(model_card: str, champion: Champion) -> VersionCard:
    """Address the model card, shortened for the registry, to the version that was registered.

    >>> describe_version(model_card, champion).version
    '1'
    """
    name, version = champion.registered.name, champion.registered.version
    return VersionCard(name, version, champion.trial_id, shorten_card(model_card))


def shorten_card(card: str) -> str:
    """Leave out whole paragraphs at the end of a card that is too long, and say so.

    >>> shorten_card(model_card) == model_card
    True
    """
    if len(card) <= MOST_CHARACTERS:
        return card
    return card[: MOST_CHARACTERS - len(CUT)].rpartition("\n\n")[0] + CUT


def _text(value: Any) -> Any:
    """Escape what HTML would read, but leave quotes as they are: the card is read raw, too."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(escape(value, quote=False))  # noqa: S704


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _listed(names: list[Any]) -> str:
    """Name a few, and say how many more there are."""
    few = ", ".join(str(name) for name in names[:MOST_NAMED])
    return few + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
