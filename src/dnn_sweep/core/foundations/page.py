"""The page on foundations, the table of claims and the summary on the console."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group
from rich.rule import Rule
from rich.text import Text

from dnn_sweep.core.formatting import count
from dnn_sweep.core.foundations.section import Section
from dnn_sweep.core.reporting.pages import embed_figure, figure_scripts, page_template


def write_foundations(*sections: Section) -> tuple[str, pd.DataFrame]:
    """Write the sections as a self-contained HTML page.

    Returns:
        The page, and one row per claim: ``study``, ``says``, ``found``, ``holds``, ``why_not``.

    >>> from dnn_sweep.core.foundations.gates import logic_gates
    >>> page, claims = write_foundations(logic_gates())
    >>> page[:15], claims["holds"].tolist()
    ('<!doctype html>', [True])
    """
    claims = [claim for section in sections for claim in section.claims]
    page = page_template("foundations.html.j2", {"cell": _cell}).render(
        sections=sections,
        claims=sorted(claims, key=lambda claim: claim.study),
        figures={
            each.name: embed_figure(each.name, each.figure)
            for each in sections
            if each.figure is not None
        },
        **figure_scripts(),
    )
    return page, pd.DataFrame(claims)


def summarize_foundations(
    foundations: str, foundations_claims: pd.DataFrame, environment: str
) -> Group:
    """Say where the page is, which claims do not hold, and what to try next.

    >>> claims = pd.DataFrame({"says": ["1 = 2"], "why_not": ["it is not"], "holds": [False]})
    >>> print(summarize_foundations("<html>", claims, "digits").renderables[2])
    1 = 2: no, it is not
    """
    failed = foundations_claims[~foundations_claims["holds"]]
    held = len(foundations_claims) - len(failed)
    size = count(max(1, round(len(foundations) / 1e6)), "megabyte")
    lines = [f"{row.says}: no, {row.why_not}" for row in failed.itertuples()]
    return Group(
        Rule(Text("foundations"), characters="-"),
        Text(f"{held} of {count(len(foundations_claims), 'claim')} of the studies hold"),
        *map(Text, lines),
        Text(f"page: data/08_reporting/{environment}/foundations.html ({size})"),
        Text("next: kedro run --pipeline=train --env=xor"),
    )


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)
