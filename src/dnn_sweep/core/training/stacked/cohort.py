"""Trials that train together: the seats of one compiled program."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import epoch_order
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.networks.build import derived_seed, initial_weights
from dnn_sweep.core.training.layer_log import Probe
from dnn_sweep.core.training.stacked.board import Group, Section
from dnn_sweep.core.training.stacked.network import Settings, join_weights, split_weights
from dnn_sweep.core.training.stacked.program import State, Tensors
from dnn_sweep.core.training.stacked.programs import Programs
from dnn_sweep.core.training.stacked.seat import Seat
from dnn_sweep.core.training.stacked.structure import scalars_of


class Cohort:
    """Seats of one program, and who sits on them.

    A trial takes a seat in its optimizer's section, trains epoch by epoch beside the others and
    leaves when it is finished; the seat can then be taken by the next. Trials of one cohort may
    be in different epochs. No seat's numbers enter another's, so it does not matter who sits
    beside whom.

    Args:
        programs: Where to find what trains and validates them.
        group: The trials' group.
        seats: How many; each of the group's sections has as many.
        rows: Number of training rows.
        probe: The rows on which layers are measured; ``None`` where they are not.
    """

    def __init__(
        self,
        programs: Programs,
        group: Group,
        seats: int,
        rows: int,
        probe: Probe | None = None,
    ) -> None:
        self._programs = programs
        self._program, self._validation = programs.pair(group, seats)
        self._group = group
        self._structure = structure = group.structure
        self._rows = rows
        self._probe = probe
        self._steps = -(-rows // structure.batch_size)
        self._seats: list[Seat | None] = [None] * seats
        self._each = seats // len(group.sections)
        self._state: State | None = None
        self._settings: Settings | None = None
        self._scalars: tuple[Tensors, ...] = ()

    @property
    def live(self) -> list[tuple[int, Seat]]:
        """The trials that are being trained, each with its seat's position."""
        return [(at, seat) for at, seat in enumerate(self._seats) if seat is not None]

    @property
    def size(self) -> int:
        """Number of seats."""
        return len(self._seats)

    @property
    def free(self) -> dict[Section, int]:
        """Number of free seats in each section."""
        return {
            section: sum(self._seats[at] is None for at in self._places(position))
            for position, section in enumerate(self._group.sections)
        }

    def admit(self, newcomers: Mapping[Section, Sequence[Seat]]) -> None:
        """Give free seats to trials that begin.

        Args:
            newcomers: In each section as many as there are free seats at most.
        """
        places: list[int] = []
        for position, section in enumerate(self._group.sections):
            free = [at for at in self._places(position) if self._seats[at] is None]
            for at, seat in zip(free, newcomers[section], strict=False):
                self._seats[at] = seat
                places.append(at)
        if places:
            self._state = self._place(places)
            self._settings, self._scalars = self._read_settings()

    def advance(self) -> list[Seat]:
        """Train everyone for one epoch.

        Returns:
            Who is finished; their seats are free again.
        """
        live = self.live
        for _, seat in live:
            seat.epoch_begins()
        began = time.perf_counter()
        loss, metric, val_loss, val_metric, outputs = self._run()
        share = (time.perf_counter() - began) / len(live)
        name = self._structure.metric
        kept, finished = [], []
        for at, seat in live:
            logs = {
                name: float(metric[at]),
                "loss": float(loss[at]),
                f"val_{name}": float(val_metric[at]),
                "val_loss": float(val_loss[at]),
            }
            if seat.epoch_ends(share, logs):
                kept.append((at, seat))
            if seat.is_finished:
                finished.append(seat)
                self._seats[at] = None
        self._hand_over(kept, outputs)
        self._measure([(at, seat) for at, seat in live if seat.is_due])
        return finished

    @property
    def needed(self) -> int:
        """How many seats would be enough, all sections that are not empty having as many."""
        live = self._live_by_section()
        return len(live) * max(map(len, live.values()), default=0)

    def shrink(self) -> "Cohort":
        """Go on with no more seats than are needed.

        Returns:
            The cohort that goes on; this one is not used any more.
        """
        assert self._state is not None  # noqa: S101 - somebody sits here
        live = self._live_by_section()
        group = replace(self._group, sections=tuple(self._group.sections[at] for at in live))
        moved = Cohort(self._programs, group, self.needed, self._rows, self._probe)
        places: list[int] = []
        slots = []
        for position, (section, seated) in enumerate(live.items()):
            for at, old in zip(moved._places(position), seated, strict=False):
                moved._seats[at] = self._seats[old]
            # Seats that stay empty train along like the first trial.
            own = seated + seated[:1] * (moved._each - len(seated))
            places += own
            offsets = [at - section * self._each for at in own]
            slots.append(tuple(tf.gather(each, offsets) for each in self._state.slots[section]))
        weights, moving = (
            tuple(tf.gather(each, places) for each in kind)
            for kind in (self._state.weights, self._state.moving)
        )
        moved._state = State(weights, tuple(slots), moving)
        moved._settings, moved._scalars = moved._read_settings()
        return moved

    def _run(self) -> tuple[NDArray[np.float32], ...]:
        """Train and validate: loss, metric, both on the validation rows, outputs on these."""
        assert self._state is not None and self._settings is not None  # noqa: PT018, S101
        seats = self.size
        orders = np.zeros((seats, self._rows), np.int32)
        rates = np.zeros((seats, self._steps), np.float32)
        taken = np.zeros(seats, np.int32)
        for at, seat in self.live:
            orders[at] = epoch_order(self._rows, seat.trial.seed, seat.epoch)
            rates[at], taken[at] = seat.rates(), seat.taken
        self._state, loss, metric = self._program.run(
            self._state, orders, rates, taken, self._settings, self._scalars
        )
        validated = self._validation.run(self._state.weights, self._state.moving, self._settings)
        return loss, metric, *validated

    def _hand_over(self, kept: Sequence[tuple[int, Seat]], outputs: tf.Tensor) -> None:
        """Copy the networks that are to be kept from the device."""
        if not kept:
            return
        weights = self._weights_of([at for at, _ in kept])
        own_outputs = _rows_of(outputs, [at for at, _ in kept])
        for position, (_, seat) in enumerate(kept):
            seat.keep([each[position].copy() for each in weights], own_outputs[position].copy())

    def _measure(self, due: Sequence[tuple[int, Seat]]) -> None:
        """Measure the layers of some networks, those with the same activations together."""
        alike: dict[tuple[str, ...], list[tuple[int, Seat]]] = {}
        for at, seat in due:
            activations = tuple(layer.activation for layer in seat.trial.network.hidden)
            alike.setdefault(activations, []).append((at, seat))
        for members in alike.values():
            assert self._probe is not None  # noqa: S101 - or no seat would be due
            weights = self._weights_of([at for at, _ in members])
            measured = self._probe.measure(members[0][1].trial.network, weights)
            for position, (_, seat) in enumerate(members):
                assert seat.layers is not None  # noqa: S101 - as above
                own = [each[position] for each in weights]
                seat.layers.add(seat.epoch, own, measured, position)

    def _weights_of(self, places: list[int]) -> list[NDArray[Any]]:
        """Copy some networks' weights from the device, in the order of Keras.

        Returns:
            Each with a leading axis for the network.
        """
        assert self._state is not None  # noqa: S101
        weights, moving = (
            [_rows_of(each, places) for each in kind]
            for kind in (self._state.weights, self._state.moving)
        )
        return join_weights(self._structure, weights, moving)

    def _places(self, section: int) -> range:
        """The seats of a section."""
        return range(section * self._each, (section + 1) * self._each)

    def _live_by_section(self) -> dict[int, list[int]]:
        """The seats that are taken, in sections where there are any."""
        taken = {
            section: [at for at in self._places(section) if self._seats[at] is not None]
            for section in range(len(self._group.sections))
        }
        return {section: places for section, places in taken.items() if places}

    def _place(self, places: Sequence[int]) -> State:
        """The state with the trials on these seats at their beginning."""
        fresh = [self._initial_weights(self._seats[at]) for at in places]
        weights, moving = ([*zip(*kind, strict=True)] for kind in zip(*fresh, strict=True))
        slots = self._program.optimizer.fresh_slots
        if self._state is None or len(places) == len(self.live):  # nobody was here, or all left
            # Seats that stay empty train along like the first trial, and nobody looks.
            by_place = dict(zip(places, range(len(places)), strict=True))
            chosen = [by_place.get(at, 0) for at in range(self.size)]
            return State(
                tuple(tf.constant(np.stack(each)[chosen]) for each in weights),
                slots,
                tuple(tf.constant(np.stack(each)[chosen]) for each in moving),
            )
        return State(
            _put(self._state.weights, places, [np.stack(each) for each in weights]),
            tuple(self._restart(section, places) for section in range(len(slots))),
            _put(self._state.moving, places, [np.stack(each) for each in moving]),
        )

    def _restart(self, section: int, places: Sequence[int]) -> Tensors:
        """A section's slots, those of some seats as before the first step."""
        assert self._state is not None  # noqa: S101 - else all are
        offsets = [at - section * self._each for at in places if at in self._places(section)]
        fresh = [slot[: len(offsets)] for slot in self._program.optimizer.fresh_slots[section]]
        return _put(self._state.slots[section], offsets, fresh)

    def _initial_weights(self, seat: Seat | None) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        assert seat is not None  # noqa: S101 - it has just been taken
        weights = initial_weights(seat.trial.network, seat.trial.seed)
        return split_weights(self._structure, weights)

    def _read_settings(self) -> tuple[Settings, tuple[Tensors, ...]]:
        first = self.live[0][1].trial
        trials = [first if seat is None else seat.trial for seat in self._seats]
        layers = [trial.network.hidden for trial in trials]
        names = self._group.activations
        settings = Settings(
            activations=tf.constant(
                [[names.index(each.activation) for each in own] for own in layers],
                tf.int32,
            ),
            dropout_rates=tf.constant([[each.dropout for each in own] for own in layers]),
            dropout_seeds=tf.constant(
                [
                    [derived_seed(trial.seed, at, "dropout") for at in range(len(own))]
                    for trial, own in zip(trials, layers, strict=True)
                ],
                tf.int32,
            ),
            l2=tf.constant([[each.l2 for each in own] for own in layers]),
        )
        return settings, tuple(map(self._read_scalars, range(len(self._group.sections))))

    def _read_scalars(self, position: int) -> Tensors:
        """What of a section's optimizer is each trial's own."""
        section = self._group.sections[position]
        seats = [self._seats[at] for at in self._places(position)]
        own = [scalars_of(section.example if seat is None else seat.trial) for seat in seats]
        return tuple(
            tf.constant([[[each[name]]] for each in own], section.structure.scalar_type)
            for name in section.scalars
        )


def _put(old: Tensors, places: Sequence[int], new: Sequence[NDArray[Any] | tf.Tensor]) -> Tensors:
    """Tensors with new values at some places of the leading axis."""
    if not places:
        return old
    positions = [[at] for at in places]
    return tuple(
        tf.tensor_scatter_nd_update(each, positions, values)
        for each, values in zip(old, new, strict=True)
    )


def _rows_of(tensor: tf.Tensor, places: list[int]) -> NDArray[Any]:
    """Copy some networks' part from the device; a processor's memory is read where it is."""
    on_cpu = tensor.device.endswith("CPU:0")
    return np.asarray(tensor)[places] if on_cpu else np.asarray(tf.gather(tensor, places))
