"""How trials are grouped and how many of them share a program."""

import pytest

from dnn_sweep.core.networks.build import build_network, initial_weights
from dnn_sweep.core.networks.keras_names import initializer_names
from dnn_sweep.core.training.stacked import sizing
from dnn_sweep.core.training.stacked.board import Board
from dnn_sweep.core.training.stacked.structure import differing_scalars, structure_of
from tests.builders import make_data
from tests.core.training.stacked.sweeps import assert_close, changed, one, trials_of

SMALL = structure_of(one())


@pytest.mark.parametrize(("waiting", "seats"), [(1, 1), (15, 15), (16, 16), (17, 9), (100, 15)])
def test_cohorts_are_even_and_bounded(waiting, seats):
    assert sizing.seats_for(SMALL, make_data(), waiting, 2) == seats


@pytest.mark.parametrize(("waiting", "seats"), [(1, 1), (4, 2), (5, 3), (17, 9), (40, 10)])
def test_workers_that_share_trials_have_equal_shares(waiting, seats):
    """Three cohorts for two workers would leave one of them idle for a third of the time."""
    assert sizing.seats_for(SMALL, make_data(), waiting, 2, sharing=2) == seats


def test_a_wide_network_trains_in_small_cohorts_and_the_widest_alone():
    narrow, wide, widest = (
        sizing.seats_for(structure_of(one(network={"hidden": hidden})), make_data(), 100, 2)
        for hidden in ([8], [300, 300], [3000, 3000])
    )
    assert narrow > wide > widest == 1


def test_cohorts_fit_the_free_memory_of_all_workers_together(monkeypatch):
    per_trial = sizing._bytes_of_a_trial(SMALL, make_data())
    monkeypatch.setattr(sizing, "_free_memory", lambda: 20 * per_trial)
    assert sizing.seats_for(SMALL, make_data(), 5, 2) == 5
    assert sizing.seats_for(SMALL, make_data(), 10, 2) == 5
    assert sizing.seats_for(SMALL, make_data(), 10, 1) == 10
    monkeypatch.setattr(sizing, "_free_memory", lambda: 0)
    assert sizing.seats_for(SMALL, make_data(), 10, 2) == 1


def test_more_validation_rows_take_more_memory():
    few, many = (sizing._bytes_of_a_trial(SMALL, make_data(rows=rows)) for rows in (80, 80000))
    assert many > 2 * 4 * 40000 * 3 > few


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
    assert structure_of(changed(one(), **change)) != SMALL


def test_numbers_may_differ_within_a_program():
    trials = [
        one(),
        changed(
            one(),
            learning_rate=0.5,
            seed=3,
            epochs=9,
            optimizer_arguments={"beta_1": 0.3},
            layers={"activation": "tanh", "kernel_initializer": "zeros"},
        ),
    ]
    assert structure_of(trials[1]) == SMALL
    assert differing_scalars(trials) == ("beta_1",)
    dropped = [changed(one(), layers={"dropout": rate, "l2": rate}) for rate in (0.1, 0.2)]
    assert structure_of(dropped[0]) == structure_of(dropped[1])


def test_cohorts_are_mixed_only_where_networks_would_be_alone():
    grid = {"activations": ["relu", "tanh"]}
    alone, several = (
        Board(trials_of(grid=grid, training={"seeds": seeds}), always_mixed=False)
        for seeds in ([0], [0, 1])
    )
    assert alone.next_queue().group.mixed
    groups = []
    for _ in range(2):
        queue = several.next_queue()
        groups.append(queue.group)
        taken = several.take(queue, {queue.group.sections[0]: 9})
        assert len({trial.activation for each in taken.values() for trial in each}) == 1
    assert several.next_queue() is None
    assert not groups[0].mixed
    assert groups[0] == groups[1]  # one program


def test_workers_begin_with_different_programs():
    board = Board(trials_of(grid={"optimizers": ["adam", "sgd"]}), always_mixed=False)
    first, second = board.next_queue(), board.next_queue()
    assert first.group.structure.optimizer_class != second.group.structure.optimizer_class


def optimizers_in_programs(trials, **others):
    board = Board(trials, always_mixed=False, **others)
    found = []
    while (queue := board.next_queue()) is not None:
        board.take(queue, {section: len(trials) for section in queue.group.sections})
        found.append({section.structure.optimizer_class for section in queue.group.sections})
    return found


def test_optimizers_of_one_network_are_dealt_out_to_programs():
    trials = trials_of(grid={"optimizers": ["sgd", "adagrad", "adam", "lion", "nadam"]})
    trials += [changed(each, batch_size=7) for each in trials[:2]]
    assert optimizers_in_programs(trials, joining=lambda own: 2) == [
        {"SGD", "Lion"},
        {"Adagrad", "Nadam"},
        {"SGD", "Adagrad"},
        {"Adam"},
    ]
    assert all(len(each) == 1 for each in optimizers_in_programs(trials))


def test_stages_of_a_sweep_share_programs():
    """A screening has fewer trials of a kind than the finals, at other rates and lengths."""
    grid = {"activations": ["relu", "tanh"], "optimizers": ["sgd", "adam"]}
    finals = trials_of(grid=grid, training={"seeds": list(range(9))})
    screening = [changed(trial, epochs=1, seed=50) for trial in finals if trial.seed == 0]
    groups = [
        {queue.group for queue in Board(stage, always_mixed=False, finals=finals)._queues}
        for stage in (screening, finals)
    ]
    assert groups[0] == groups[1]
    assert not any(group.mixed for group in groups[0])
    with pytest.raises(ValueError, match="no trial like"):
        Board([changed(finals[0], batch_size=7)], always_mixed=False, finals=finals)


def test_optimizers_share_programs_where_that_saves_more_than_it_costs():
    names = ["sgd", "adagrad", "adam", "lion", "nadam"]
    few = trials_of(grid={"optimizers": names})

    def together(trials, **others):
        return sizing.optimizers_together(trials, make_data(), 2, **others)

    assert together(few) == 5
    assert [together(few, most=most) for most in (4, 2, 1)] == [3, 2, 1]
    assert together(few[:1]) == 1
    many_epochs = [changed(trial, epochs=1_000_000_000) for trial in few]
    assert together(many_epochs) == 1


@pytest.mark.parametrize(("sections", "seats"), [(1, 15), (3, 15), (4, 16), (16, 16), (20, 20)])
def test_sections_have_equally_many_seats(sections, seats):
    assert sizing.seats_for(SMALL, make_data(), 100, 2, sections=sections) == seats


@pytest.mark.parametrize("normalised", [False, True])
def test_initial_weights_are_those_of_the_network(normalised):
    for name in initializer_names():
        trial = one(network={"batch_normalization": normalised, "kernel_initializer": name})
        built = build_network(trial.network, 5).get_weights()
        mine = initial_weights(trial.network, 5)
        assert len(mine) == len(built)
        for own, other in zip(mine, built, strict=True):
            assert own.dtype == other.dtype
            assert_close(own, other, 0, name)
