"""A trial's id: kept by what does not change a result, changed by what does."""

import pytest

from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.optimizers import learning_rate_schedule
from tests.builders import make_plan

COSINE = Schedule(class_name="CosineDecay", arguments={"decay_steps": 15, "alpha": 0.1})


def test_trials_trained_by_earlier_versions_keep_their_ids():
    """Stored trials are found by their ids: these were computed before there were schedules."""
    best = {"callbacks": {"checkpoint": {"enabled": True}}}  # as was the default then
    plain = make_plan(**best).trials[0]
    other = make_plan(
        "regression",
        **best,
        network={"dropout": 0.1},
        grid={"optimizers": ["momentum"]},
        training={"seeds": [3]},
    ).trials[0]
    assert plain.id == "7528c355a87974dd"  # pragma: allowlist secret
    assert other.id == "44c57206e5fac3ba"  # pragma: allowlist secret


@pytest.mark.parametrize("api", ["sequential", "functional"])
def test_stored_trials_that_name_an_api_can_be_read(api):
    trial = make_plan().trials[0]
    stored = trial.model_dump(mode="json")
    assert stored["network"]["api"] == "sequential"  # as in the files of earlier versions
    stored["network"]["api"] = api
    assert Trial.model_validate(stored) == trial


def test_a_networks_name_is_what_it_was_when_networks_named_an_api():
    assert make_plan().trials[0].network.name == "relu-07c1ea"


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": COSINE},
        {"class_weight": (1.0, 1.0, 1.0)},
        {"precision": "mixed_bfloat16"},
    ],
)
def test_a_setting_that_came_later_changes_the_id_where_it_is_used(change):
    plain = make_plan().trials[0]
    assert Trial(**(plain.model_dump() | change)).id != plain.id


def test_a_trial_comes_back_from_its_file_as_it_was():
    plain = make_plan().trials[0].model_dump()
    trial = Trial(
        **(
            plain
            | {"schedule": COSINE, "class_weight": (1.0, 0.1, 2.0), "precision": "mixed_float16"}
        )
    )
    again = Trial.model_validate_json(trial.model_dump_json())
    assert again == trial
    assert again.id == trial.id


def test_a_schedule_starts_from_the_trials_learning_rate():
    plain = make_plan(grid={"optimizers": [{"adam": {"learning_rate": 0.5}}]}).trials[0]
    schedule = learning_rate_schedule(plain.model_copy(update={"schedule": COSINE}))
    assert learning_rate_schedule(plain) == 0.5
    assert [float(schedule(step)) for step in (0, 15)] == pytest.approx([0.5, 0.05])
