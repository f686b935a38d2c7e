"""Trials that train together: the seats of one compiled program."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.engines.layer_log import Probe
from dnn_sweep.core.engines.stacked.board import Group
from dnn_sweep.core.engines.stacked.network import Settings, join_weights, split_weights
from dnn_sweep.core.engines.stacked.program import Program, State
from dnn_sweep.core.engines.stacked.seat import Seat
from dnn_sweep.core.engines.stacked.structure import scalars_of
from dnn_sweep.core.engines.stacked.validation import Validation
from dnn_sweep.core.networks import derived_seed, initial_weights
from dnn_sweep.core.quiet_keras import tensorflow as tf
from dnn_sweep.core.training_data import epoch_order
from dnn_sweep.core.trials import Trial


class Cohort:
    """Seats of one program, and who sits on them.

    A trial takes a seat, trains epoch by epoch beside the others and leaves when it is finished;
    the seat can then be taken by the next. Trials of one cohort may be in different epochs. No
    seat's numbers enter another's, so it does not matter who sits beside whom.

    Args:
        program: What trains them.
        validation: What validates them.
        group: The trials' group.
        rows: Number of training rows.
        probe: The rows on which layers are measured; ``None`` where they are not.
    """

    def __init__(
        self,
        program: Program,
        validation: Validation,
        group: Group,
        rows: int,
        probe: Probe | None = None,
    ) -> None:
        self._program = program
        self._validation = validation
        self._group = group
        self._structure = structure = group.structure
        self._rows = rows
        self._probe = probe
        self._steps = -(-rows // structure.batch_size)
        self._seats: list[Seat | None] = [None] * program.seats
        self._state: State | None = None
        self._settings: Settings | None = None
        self._scalars: tuple[tf.Tensor, ...] = ()

    @property
    def live(self) -> list[tuple[int, Seat]]:
        """The trials that are being trained, each with its seat's position."""
        return [(at, seat) for at, seat in enumerate(self._seats) if seat is not None]

    @property
    def free(self) -> int:
        """Number of free seats."""
        return self._seats.count(None)

    def admit(self, newcomers: Sequence[Seat]) -> None:
        """Give free seats to trials that begin.

        Args:
            newcomers: As many as there are free seats at most.
        """
        if not newcomers:
            return
        places = [at for at, seat in enumerate(self._seats) if seat is None][: len(newcomers)]
        for at, seat in zip(places, newcomers, strict=True):
            self._seats[at] = seat
        fresh = [self._fresh(seat.trial) for seat in newcomers]
        self._state = self._place(places, fresh)
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

    def move_to(self, program: Program, validation: Validation) -> "Cohort":
        """Go on with fewer seats.

        Args:
            program: With at least as many seats as there are live trials.
            validation: With as many.

        Returns:
            The cohort that goes on; this one is not used any more.
        """
        moved = Cohort(program, validation, self._group, self._rows, self._probe)
        live = self.live
        places = [at for at, _ in live] + [live[0][0]] * (program.seats - len(live))
        moved._seats[: len(live)] = [seat for _, seat in live]
        moved._state = tf.nest.map_structure(lambda each: tf.gather(each, places), self._state)
        moved._settings, moved._scalars = moved._read_settings()
        return moved

    def _run(self) -> tuple[NDArray[np.float32], ...]:
        """Train and validate: loss, metric, both on the validation rows, outputs on these."""
        assert self._state is not None and self._settings is not None  # noqa: PT018, S101
        seats = self._program.seats
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

    def _fresh(self, trial: Trial) -> State:
        weights, moving = split_weights(self._structure, initial_weights(trial.network, trial.seed))
        return State(tuple(weights), tuple(self._program.optimizer.fresh_slots), tuple(moving))

    def _place(self, places: Sequence[int], fresh: Sequence[State]) -> State:
        if self._state is None:
            # Seats that stay empty train along like the first trial, and nobody looks.
            everyone = [*fresh, *[fresh[0]] * (self._program.seats - len(fresh))]
            return State(*(_stack(each) for each in zip(*everyone, strict=True)))
        positions = [[at] for at in places]
        return State(
            *(
                tuple(
                    tf.tensor_scatter_nd_update(old, positions, np.stack(new))
                    for old, *new in zip(kind, *newcomers, strict=True)
                )
                for kind, *newcomers in zip(self._state, *fresh, strict=True)
            )
        )

    def _read_settings(self) -> tuple[Settings, tuple[tf.Tensor, ...]]:
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
        own = [scalars_of(trial) for trial in trials]
        scalars = tuple(
            tf.constant([[[each[name]]] for each in own], self._structure.scalar_type)
            for name in self._group.scalars
        )
        return settings, scalars


def _stack(networks: Sequence[Sequence[NDArray[Any]]]) -> tuple[tf.Tensor, ...]:
    return tuple(tf.constant(np.stack(each)) for each in zip(*networks, strict=True))


def _rows_of(tensor: tf.Tensor, places: list[int]) -> NDArray[Any]:
    """Copy some networks' part from the device; a processor's memory is read where it is."""
    on_cpu = tensor.device.endswith("CPU:0")
    return np.asarray(tensor)[places] if on_cpu else np.asarray(tf.gather(tensor, places))
