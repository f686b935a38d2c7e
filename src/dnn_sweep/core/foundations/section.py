"""A section of the page on foundations: one idea, with its picture, numbers and code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.lazy import go
from dnn_sweep.core.reporting.figures import style

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Claim:
    """What a study says, and what was found here."""

    study: str  # its number and title
    says: str
    found: str
    holds: bool
    why_not: str = ""


@dataclass(frozen=True)
class Section:
    """One idea.

    Args:
        name: For links to it.
        paragraphs: The idea, in a few sentences.
        figure: The picture, if any.
        table: The numbers, if any.
        code: The source of what made them.
        question: Something to try.
        claims: Statements of the studies that the section examines.
    """

    name: str
    title: str
    paragraphs: tuple[str, ...]
    figure: go.Figure | None
    table: pd.DataFrame | None
    code: str
    question: str
    claims: tuple[Claim, ...] = ()


def code_of(*functions: Callable[..., Any]) -> str:
    """The source of functions or classes, as it ran."""
    return "\n\n".join(inspect.getsource(each).rstrip() for each in functions)


def finish(figure: go.Figure, title: str, note: str, height: int = 380) -> go.Figure:
    """Give a figure its titles."""
    return style.finish_plotly(figure, style.FigureInfo(title, note), height)
