"""The report: one page that answers the question first and works without a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.comparison.time_to_target import summarize_times
from dnn_sweep.core.diagnosis.verdicts import HEALTHY
from dnn_sweep.core.formatting import NO_VALUE, format_interval, format_value
from dnn_sweep.core.missing import Missing
from dnn_sweep.core.reporting.figures.search import plot_importances, plot_proposals
from dnn_sweep.core.reporting.glossary import explain_terms, read_glossary
from dnn_sweep.core.reporting.pages import embed_figure, figure_scripts, page_template
from dnn_sweep.core.reporting.predicted_rows import (
    find_mistakes,
    find_right,
    first_values,
    sample_pictures,
)
from dnn_sweep.core.reporting.results import SweepResults

# Figures of which the reader chooses the combinations.
TO_CHOOSE_FROM = ("learning_curves", "time_to_target")
# Figures that only some sweeps have something for; the pages of others are without them.
WHERE_THEY_SUIT = ("factors", "calibration", "threshold_curves")


def write_report(results: SweepResults, **figures: Any) -> str:
    """Write the report as a self-contained HTML page; ``figures`` are drawn, by their names.

    In place of one that could not be drawn, it says why.

    >>> write_report(sweep_results, **figures)[:15]
    '<!doctype html>'
    """
    shown = {n: getattr(figure, "interactive", figure) for n, figure in figures.items()}
    filters: dict[str, Any] = {
        "or_never": _or_never, "p_value": _p_value, "sure": _sure, "cell": _cell,
    }  # fmt: skip
    page = page_template("report.html.j2", filters)
    ranking = results.leaderboard.to_dict("records")
    champion, schema = results.champion, results.schema
    tested = results.test_predictions, results.test_rows, schema
    is_image = schema.rank == "image"
    written = page.render(
        results=results,
        champion=champion,
        schema=schema,
        ranking=ranking,
        fit_seconds={each.name: each.seconds for each in results.comparison.baselines},
        # Few seeds make every p-value 1: a column of those would say nothing.
        cards=_cards(results),
        tested=bool((results.leaderboard["p_holm"] < 1).any()),
        leading=results.comparison.leading,
        sentences=results.comparison.sentences[len(results.comparison.leading) :],
        verdicts=results.verdicts.set_index("combination").to_dict("index"),
        healthy=HEALTHY,
        times=summarize_times(results.time_to_target).to_dict("records"),
        classes=results.class_report.to_dict("records"),
        mistakes=find_mistakes(*tested),
        right=find_right(*tested) if is_image and schema.classes else [],
        pictures=sample_pictures(results.data_sample, schema) if is_image else [],
        sampled=[] if is_image else _sampled(results),
        terms=[each for each in read_glossary() if each.hover],
        configuration=results.configuration.model_dump_json(indent=2),
        figures={
            name: embed_figure(name, figure, picker=name in TO_CHOOSE_FROM)
            for name, figure in shown.items()
            if name not in WHERE_THEY_SUIT or isinstance(figure, Missing) or figure.data
        },
        search_figures=_search_figures(results),
        **figure_scripts(),
    )
    return explain_terms(written)


def _sampled(results: SweepResults) -> list[tuple[Any, dict[str, Any]]]:
    """The target and the first columns of each sampled row."""
    schema, rows = results.schema, results.data_sample
    return [
        (target, first_values(row))
        for target, (_, row) in zip(
            rows[schema.target], rows[schema.feature_names].iterrows(), strict=True
        )
    ]


def _search_figures(results: SweepResults) -> list[Markup]:
    """Figures of a search; none without one."""
    if results.search.empty:
        return []
    factors = results.configuration.search.factors.factors
    logarithmic = [name for name, factor in factors.items() if factor.log]
    proposals = plot_proposals(results.search, results.champion, logarithmic)
    beside = {"t": 60, "l": 90, "r": 70}  # for the names of its axes
    return [
        embed_figure("importances", plot_importances(results.importances)),
        embed_figure("proposals", proposals, margin=beside),
    ]


def _cards(results: SweepResults) -> list[tuple[str, MetricEstimate, str]]:
    """The objective on the test and the validation rows, with a note on what was measured."""
    champion, metric = results.champion, results.objective.metric
    served, several = champion.served, len(champion.served.seeds) > 1
    if served.baseline:
        before = "on each fold's" if champion.rows.folds else "on the"
        note = f"fitted {before} training rows, on the rows it was chosen by"
        unseen = "what is served, on rows that no choice has seen"
        return [
            ("test", champion.test[metric], unseen),
            ("validation", champion.validation[metric], note),
        ]
    what = f"the mean of {len(served.seeds)} networks" if several else f"seed {served.seeds[0]}"
    anew = served.epochs is not None
    if champion.rows.one_seed_per_fold:
        what = "each row by a network that did not see it"
    elif champion.rows.folds:
        what += ", of networks that did not see the row"
    elif anew:
        what += ", before training anew"
    note = f"{what}, on the rows it was chosen by"
    if len(champion.seeds) > 1:
        ranking = results.leaderboard.to_dict("records")
        row = next(each for each in ranking if each["combination"] == champion.combination)
        mean, low, high = (
            row[f"{champion.objective}_{end}"] for end in ("mean", "ci_low", "ci_high")
        )
        interval = format_interval(low, high)
        if champion.rows.one_seed_per_fold:
            note += f"; with the chance in seeds {interval}"
        else:
            note += "; single networks on average " if several else "; mean "
            note += f"over its {row['seeds']} seeds {format_value(mean)}, interval {interval}"
    unseen = "what is served" if several or anew else "the same network"
    return [
        ("test", champion.test[metric], f"{unseen}, on rows that no choice has seen"),
        ("validation", champion.validation[metric], note),
    ]


def _or_never(value: float, text: str = "%g") -> str:
    return text % value if np.isfinite(value) else "never"


def _p_value(p: float) -> str:
    if np.isnan(p):
        return NO_VALUE
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _cell(value: Any) -> Any:
    if value is None:
        return NO_VALUE
    return f"{value:.4g}" if isinstance(value, float) else value


def _sure(probability: float) -> str:
    """A share in percent; near 100 with a digit more, and never rounded up to it."""
    if probability >= 0.9995:
        return ">\N{NO-BREAK SPACE}99.9"
    return f"{100 * probability:.{1 if probability >= 0.99 else 0}f}"
