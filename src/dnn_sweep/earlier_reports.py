"""Keeps what earlier sweeps of an experiment have found, before another one takes their place."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol

PLAN = "trial_plan"
KEPT = ("report.html", "leaderboard.csv", "verdicts.csv", "champion.json", "model_card.md")


class EarlierReportsHooks:
    """Copies the results of a sweep once the experiment plans other trials."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember where the project is."""
        self._project = context.project_path

    @hook_impl
    def after_catalog_created(self, catalog: CatalogProtocol, parameters: dict[str, Any]) -> None:
        """Remember where the last plan and its results are."""
        self._catalog, self._reports = catalog, parameters.get("params:reports")

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Keep what the last plan has led to, unless this one is the same."""
        if dataset_name != PLAN or not self._reports or not self._catalog.exists(PLAN):
            return
        if self._catalog.load(PLAN) != data:
            keep_results(Path(self._project, self._reports))


def keep_results(folder: Path) -> Path | None:
    """Copy the results of a finished sweep into a folder beside them, named by its time.

    Args:
        folder: Where the experiment's report is.

    Returns:
        Where they were copied to; ``None`` where no sweep has finished.

    >>> keep_results(Path("data/08_reporting/none"))
    """
    report = folder / "report.html"
    if not report.is_file():
        return None
    written = datetime.fromtimestamp(report.stat().st_mtime)  # as the user's clock showed it
    kept = folder / "earlier" / f"{written:%Y-%m-%d_%H-%M-%S}"
    if kept.exists():  # a sweep that did not finish has since written some of the files
        return kept
    draft = kept.with_name(f".{kept.name}")
    draft.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if (folder / name).is_file():
            shutil.copy2(folder / name, draft)
    return draft.rename(kept)
