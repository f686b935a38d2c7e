"""What an earlier sweep found stays beside what the latest one finds."""

from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog

from dnn_sweep.datasets.model_json import ModelJSONDataset
from dnn_sweep.earlier_reports import EarlierReportsHooks
from tests.builders import make_plan

PLAN = make_plan(training={"seeds": [0]})


@pytest.fixture
def planned(tmp_path):
    """Says that an experiment whose last plan is `PLAN` plans something."""
    stored = ModelJSONDataset(
        filepath=str(tmp_path / "plan.json"), model="dnn_sweep.core.plan.trial.TrialPlan"
    )
    stored.save(PLAN)
    hooks = EarlierReportsHooks()
    hooks.after_context_created(SimpleNamespace(project_path=tmp_path))
    catalog = DataCatalog({"trial_plan": stored})
    hooks.after_catalog_created(catalog, {"params:reports": "reports"})
    return lambda plan: hooks.before_dataset_saved("trial_plan", plan)


def test_results_are_kept_once_other_trials_are_planned(tmp_path, planned):
    reports = tmp_path / "reports"
    reports.mkdir()
    planned(make_plan(training={"seeds": [0, 1]}))  # the last sweep did not finish
    assert list(reports.iterdir()) == []

    (reports / "report.html").write_text("the large one")
    (reports / "leaderboard.csv").write_text("rank")
    planned(PLAN)
    assert not (reports / "earlier").exists()

    planned(make_plan(training={"seeds": [0, 1]}))
    (kept,) = (reports / "earlier").iterdir()
    assert {each.name for each in kept.iterdir()} == {"report.html", "leaderboard.csv"}
    assert (kept / "report.html").read_text() == "the large one"
    assert (reports / "report.html").exists()  # until the next one is written

    (reports / "leaderboard.csv").write_text("of a sweep that was killed")
    planned(make_plan(training={"seeds": [0, 1, 2]}))
    assert [*(reports / "earlier").iterdir()] == [kept]
    assert (kept / "leaderboard.csv").read_text() == "rank"
