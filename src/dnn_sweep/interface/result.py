"""What a sweep left behind, for Python and notebooks."""

import html
import re
import shutil
import weakref
import webbrowser
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import rich

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.formatting import format_interval, format_value
from dnn_sweep.core.reporting.figures import FIGURES
from dnn_sweep.core.reporting.results import SweepResults
from dnn_sweep.datasets.mlflow_state import load_version, predict
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.interface.rows import frame_of
from dnn_sweep.parameters import DataParameters
from dnn_sweep.pipelines.reporting.pipeline import FROM_PARAMETERS

if TYPE_CHECKING:
    import keras
    import plotly.graph_objects as go

    from dnn_sweep.interface.session import FinishedRun

SHOWN = 8  # rows of the table in a notebook
HEIGHT = 800  # of the report in a notebook, in pixels


class Plots:
    """The report's figures: ``result.plot.heatmap()``."""

    def __init__(self, result: "SweepResult") -> None:
        self._result = result  # while it lives, so does its folder

    def __dir__(self) -> list[str]:
        """Name the figures, for completion by tab."""
        return sorted(FIGURES)

    def __getattr__(self, name: str) -> Any:
        """Return the function that loads a figure.

        Raises:
            AttributeError: If there is no such figure; names the nearest one.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in FIGURES:
            raise AttributeError(str(unknown_name(name, FIGURES, what="figure", where="plot")))

        def load() -> "go.Figure":
            return self._result._load(f"{name}_figure").interactive

        load.__name__, load.__doc__ = name, f"Return the figure `{name}` of the report (Plotly)."
        return load


class SweepResult:
    """A finished sweep. Everything is read from its folder when it is asked for.

    Args:
        folder: The sweep's folder.
        temporary: Whether the folder is deleted with this object.
    """

    run: "FinishedRun"  # set once it has finished

    def __init__(self, folder: Path, *, temporary: bool) -> None:
        self.folder, self.temporary = folder, temporary
        if temporary:
            self._deletion = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def keep(self) -> None:
        """Leave a temporary folder where it is."""
        self.temporary = False
        self._deletion.detach()

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row per combination and baseline, best first."""
        table: pd.DataFrame = self._load("leaderboard")
        return table

    @property
    def verdicts(self) -> pd.DataFrame:
        """Whether each combination trained well, and the evidence."""
        table: pd.DataFrame = self._load("verdicts")
        return table

    @property
    def best(self) -> Champion:
        """The champion: what was chosen, from what, and how good it is."""
        champion: Champion = self._load("champion")
        return champion

    @property
    def model(self) -> "keras.Model":
        """The registered network, which takes scaled rows; :meth:`predict` takes raw ones.

        Raises:
            SweepError: If a baseline is served (``registration.champion``).
        """
        if served := self.best.served.baseline:
            raise SweepError(f"{served} is served, which is no network: use predict")
        return self._served.unwrap_python_model().network

    @property
    def plot(self) -> Plots:
        """The report's figures, as Plotly's."""
        return Plots(self)

    def predict(self, rows: Any) -> pd.DataFrame:
        """Predict raw rows by the registered model.

        Args:
            rows: A table with the columns of training, an array of the shape of training's, or
                the path of a file.

        Returns:
            ``prediction``, and for classes ``probability_<class>``.

        Raises:
            SweepError: If a row cannot be read; names the column and the row.
        """
        schema = self._load("schema")
        if isinstance(rows, str | Path):
            data = DataParameters.model_validate(self._load("params:data"))
            rows = TableFileDataset(str(rows), data=data).load()
        elif not isinstance(rows, pd.DataFrame):
            if schema.rank == "sequence":
                rows = pd.DataFrame({"sequence": [np.asarray(each).tolist() for each in rows]})
            else:
                rows = frame_of(rows, schema.rank)
        return predict(self._served, rows)

    def report(self) -> Path:
        """Show the report, in the notebook or else in the browser; return its file."""
        dataset: Any = self.run.catalog.get("report")
        path = Path(dataset._filepath)
        if rich.get_console().is_jupyter:
            from IPython import display

            page = html.escape(path.read_text(encoding="utf-8"))
            frame = f'<iframe srcdoc="{page}" width="100%" height="{HEIGHT}"></iframe>'
            display.display(display.HTML(frame))  # type: ignore[no-untyped-call]
        else:
            webbrowser.open(path.as_uri())
        return path

    def explain(self, combination: str) -> str:
        """Say in plain text how a combination did, and why.

        Args:
            combination: Its name in the leaderboard, such as ``"sigmoid + sgd"``.

        Raises:
            SweepError: If there is no such combination; names the nearest one.
        """
        table, verdicts = self.leaderboard.set_index("combination"), self.verdicts
        name = re.sub(r"\s*\+\s*", " + ", combination.strip())
        if name not in table.index:
            raise unknown_name(combination, table.index, what="combination", where="explain")
        row: Any
        row, metric = table.loc[name], self.best.objective
        low, high = row[f"{metric}_ci_low"], row[f"{metric}_ci_high"]
        ranked = f"rank {row['rank']:.0f} of {len(table)}"
        rate = "" if pd.isna(row["learning_rate"]) else f", learning rate {row['learning_rate']:g}"
        score = f"{metric} {format_value(row[f'{metric}_mean'])} {format_interval(low, high)}"
        found = verdicts[verdicts["combination"] == name]
        if found.empty:
            return f"{name}: a baseline\n{ranked}, {score}"
        verdict, evidence = found.iloc[0][["verdict", "evidence"]]
        return f"{name}: {verdict}\n{evidence}\n{ranked}, {score}{rate}"

    def __repr__(self) -> str:
        """Say the decision, and where the files are."""
        return f"{self._results.decision}\n{self._where}"

    def _repr_html_(self) -> str:
        """The decision, what must be said of it, and the first combinations, for a notebook."""
        results, metric = self._results, self.best.objective
        table = results.leaderboard
        first = table[table["combination"].isin(combinations_of(table)["combination"][:SHOWN])]
        first = pd.concat([first, table[table["kind"] == "baseline"]]).sort_values("rank")
        low, high = first[f"{metric}_ci_low"], first[f"{metric}_ci_high"]
        verdicts = results.verdicts.set_index("combination")["verdict"]
        shown = pd.DataFrame(
            {
                "rank": first["rank"],
                "combination": first["combination"],
                "learning rate": [_number(each) for each in first["learning_rate"]],
                metric: [format_value(each) for each in first[f"{metric}_mean"]],
                "interval": list(map(format_interval, low, high)),
                "verdict": first["combination"].map(verdicts).fillna("baseline"),
            }
        ).to_html(index=False, border=0)
        said = "".join(f"<p>{html.escape(each)}</p>" for each in results.warnings)
        left = len(table) - len(first)
        more = f"<p>and {left} more in <code>.leaderboard</code></p>" if left else ""
        decision, where = html.escape(results.decision), html.escape(self._where)
        return f"<p><b>{decision}</b></p>{said}{shown}{more}<p>{where}</p>"

    @property
    def _where(self) -> str:
        note = " (temporary: deleted with this result)" if self.temporary else ""
        return f"files: {self.folder}{note}"

    @property
    def _results(self) -> SweepResults:
        names = [each.name for each in fields(SweepResults)]
        return SweepResults(
            **{n: self._load(f"params:{n}" if n in FROM_PARAMETERS else n) for n in names}
        )

    @cached_property
    def _served(self) -> Any:
        registered = self.best.registered
        if not registered.version:
            raise SweepError(f"there is no registered model. {registered.reason}")
        return load_version(self.run.store, registered.name, registered.version)

    def _load(self, name: str) -> Any:
        if not self.folder.exists():
            raise SweepError(f"the sweep's folder {self.folder} is gone")
        return self.run.catalog.load(name)


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:g}"
