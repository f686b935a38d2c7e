"""How trials are grouped, and how many of them train together."""

import pytest

from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.stacked.queues import (
    bytes_of_a_lane,
    even_lanes,
    most_lanes,
    plan_queues,
)
from dnn_sweep.core.training.stacked.spec import spec_of
from tests.builders import make_data
from tests.core.training.stacked.sweeps import changed, one, trials_of

CPU = Device(workers=2, free_memory=2**34)
SMALL, _ = spec_of(one())
OPTIMIZERS = ["sgd", "adagrad", "adam", "lion", "nadam"]


def queued(trials, device=CPU, **given):
    return plan_queues(trials, make_data(), device, **given)


def lanes(count, device=CPU, **given):
    """Lanes of a cohort where so many trials train alike; another kind, so that none is shared."""
    return even_lanes(count, most_lanes(device, SMALL, make_data(), 2), **given)


@pytest.mark.parametrize(("waiting", "expected"), [(1, 1), (15, 15), (16, 16), (17, 9), (100, 15)])
def test_cohorts_are_even_and_bounded(waiting, expected):
    assert lanes(waiting) == expected


@pytest.mark.parametrize(("waiting", "expected"), [(1, 1), (4, 2), (5, 3), (17, 9), (40, 10)])
def test_workers_that_share_trials_have_equal_shares(waiting, expected):
    """Three cohorts for two workers would leave one of them idle for a third of the time."""
    (queue,) = queued(trials_of(training={"seeds": list(range(waiting))}))
    assert queue.lanes == lanes(waiting, sharing=2) == expected


@pytest.mark.parametrize(("blocks", "expected"), [(1, 15), (3, 15), (4, 16), (16, 16), (20, 20)])
def test_optimizers_have_equally_many_lanes(blocks, expected):
    assert lanes(100, blocks=blocks) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 7},
        {"optimizer_class": "Lion"},
        {"optimizer_arguments": {"amsgrad": True}},
        {"optimizer_arguments": {"clipvalue": 1.0}},
        {"class_weight": (1.0, 2.0, 3.0)},
        {"precision": "mixed_bfloat16"},
        {"layers": {"units": 9}},
        {"layers": {"dropout": 0.1}},
        {"layers": {"l2": 0.1}},
        {"layers": {"batch_normalization": True}},
        {"network": {"loss": "categorical_crossentropy"}},
    ],
    ids=str,
)
def test_what_is_part_of_the_program_keeps_trials_apart(change):
    assert spec_of(changed(one(), **change)) != spec_of(one())


def test_numbers_may_differ_within_a_program():
    other = changed(
        one(),
        learning_rate=0.5,
        seed=3,
        epochs=9,
        optimizer_arguments={"beta_1": 0.3},
        layers={"activation": "tanh", "kernel_initializer": "zeros"},
    )
    (queue,) = queued([one(), other])
    (optimizer,) = queue.spec.optimizers
    assert len(queue) == 2
    assert optimizer.per_lane == ("beta_1",)
    dropped = [changed(one(), layers={"dropout": rate, "l2": rate}) for rate in (0.1, 0.2)]
    assert spec_of(dropped[0]) == spec_of(dropped[1])


def test_a_number_that_all_trials_share_is_part_of_the_program():
    """Another stage with another number must not train in this one's program."""
    specs = [
        queued([changed(one(), optimizer_arguments={"beta_1": beta})])[0].spec
        for beta in (0.3, 0.5)
    ]
    assert [dict(spec.optimizers[0].arguments) for spec in specs] == [
        {"beta_1": 0.3},
        {"beta_1": 0.5},
    ]
    assert specs[0] != specs[1]


def test_cohorts_are_mixed_only_where_networks_would_be_alone():
    grid = {"activations": ["relu", "tanh"]}
    (alone,) = queued(trials_of(grid=grid))
    first, second = queued(trials_of(grid=grid, training={"seeds": [0, 1]}))
    assert alone.spec.mixed
    assert not first.spec.mixed
    assert first.spec == second.spec  # one program
    for queue in (first, second):
        (taken,) = queue.take({queue.spec.optimizers[0]: 9}).values()
        assert len(taken) == 2
        assert len({trial.activation for trial in taken}) == 1
        assert not len(queue)


def optimizers_in_programs(trials, **given):
    return [{each.class_name for each in q.spec.optimizers} for q in queued(trials, **given)]


def test_optimizers_of_one_network_are_dealt_out_to_programs():
    trials = trials_of(grid={"optimizers": OPTIMIZERS})
    trials += [changed(each, batch_size=7) for each in trials[:2]]
    assert optimizers_in_programs(trials, cohort_size=2) == [
        {"SGD", "Lion"},
        {"Adagrad", "Nadam"},
        {"Adam"},
        {"SGD", "Adagrad"},
    ]


def test_stages_of_a_sweep_share_programs():
    """A screening has fewer trials of a kind than the finals, at other rates and lengths."""
    grid = {"activations": ["relu", "tanh"], "optimizers": ["sgd", "adam"]}
    finals = trials_of(grid=grid, training={"seeds": list(range(9))})
    screening = [changed(trial, epochs=1, seed=50) for trial in finals if trial.seed == 0]
    specs = [{q.spec for q in queued(stage, finals=finals)} for stage in (screening, finals)]
    assert specs[0] == specs[1]
    assert not any(spec.mixed for spec in specs[0])
    with pytest.raises(ValueError, match="no trial like"):
        queued([changed(finals[0], batch_size=7)], finals=finals)


def test_a_resumed_sweep_trains_the_rest_in_the_programs_it_began_with():
    trials = trials_of(grid={"activations": ["relu", "tanh"]}, training={"seeds": list(range(5))})
    whole, rest = queued(trials), queued(trials, finished=[trial.id for trial in trials[1:]])
    (left,) = rest  # a program of which every trial is trained is not compiled
    assert len(left) == 1
    assert (left.spec, left.lanes) in [(queue.spec, queue.lanes) for queue in whole]


def test_optimizers_share_programs_where_that_saves_more_than_it_costs():
    few = trials_of(grid={"optimizers": OPTIMIZERS})

    def sizes(trials, **given):
        return sorted(map(len, optimizers_in_programs(trials, **given)))

    assert sizes(few) == [5]
    assert sizes(few, cohort_size=4) == [2, 3]
    assert sizes(few, cohort_size=1) == [1] * 5
    assert sizes([changed(trial, epochs=1_000_000_000) for trial in few]) == [1] * 5


def lanes_within(memory, cohorts, model=SMALL, **given):
    return most_lanes(Device(2, memory, **given), model, make_data(), cohorts)


def test_cohorts_fit_the_free_memory_of_all_workers_together():
    per_lane = bytes_of_a_lane(SMALL, make_data())
    assert lanes_within(20 * per_lane, 2) == 5
    assert lanes_within(20 * per_lane, 1) == 10
    assert lanes_within(0, 2) == 0
    (queue,) = plan_queues(trials_of(training={"seeds": range(9)}), make_data(), Device(2, 0))
    assert queue.lanes == 1


def test_more_validation_rows_take_more_memory():
    few, many = (bytes_of_a_lane(SMALL, make_data(rows=rows)) for rows in (80, 80000))
    assert many > 2 * 4 * 40000 * 3 > few


def test_a_wide_network_trains_in_small_cohorts_and_the_widest_alone():
    narrow, wide, widest = (
        lanes_within(2**34, 2, spec_of(one(network={"hidden": hidden}))[0])
        for hidden in ([8], [300, 300], [3000, 3000])
    )
    assert narrow == 16 > wide > 1 > widest


def test_a_gpu_trains_one_wide_mixed_cohort():
    """As described by TensorFlow; nothing here runs on a GPU."""
    assert lanes_within(2**34, 1, is_gpu=True) == 512
    trials = trials_of(grid={"activations": ["relu", "tanh"]}, training={"seeds": list(range(20))})
    (queue,) = plan_queues(trials, make_data(), Device(1, 2**34, is_gpu=True))
    assert queue.spec.mixed
    assert queue.lanes == 40
