"""Trials that train together, each in a lane of one compiled program."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.networks.build import initial_weights
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import State as Known
from dnn_sweep.core.training.layer_log import Probe
from dnn_sweep.core.training.stacked.epoch import EpochProgram, Floats, State
from dnn_sweep.core.training.stacked.forward import LaneSettings, Tensors
from dnn_sweep.core.training.stacked.lane import Lane, Replay
from dnn_sweep.core.training.stacked.lane_settings import read_settings
from dnn_sweep.core.training.stacked.layout import from_lane, to_lane
from dnn_sweep.core.training.stacked.spec import (
    OptimizerSpec,
    ProgramSpec,
)


class Cohort:
    """The lanes of a program, and the trials that train in them.

    A trial takes a lane in its optimizer's block, trains epoch by epoch beside the others and
    leaves when it is finished; the next trial can then take the lane. Trials of a cohort may be in
    different epochs. Nothing is computed across lanes, so neighbours do not matter.

    Args:
        program: Trains and validates the lanes.
        probe: The rows on which layers are measured; ``None`` where they are not.
    """

    def __init__(self, program: EpochProgram, probe: Probe | None = None) -> None:
        self._program, self._spec = program, program.spec
        self._probe = probe
        self._lanes: list[Lane | Replay | None] = [None] * program.lanes
        self._state = program.initial_state()
        self._settings: LaneSettings  # read when trials are admitted

    @property
    def taken(self) -> list[tuple[int, Lane | Replay]]:
        """The lanes that are not empty, with their positions."""
        return [(at, lane) for at, lane in enumerate(self._lanes) if lane is not None]

    @property
    def live(self) -> list[tuple[int, Lane]]:
        """The lanes in which a trial is trained, with their positions."""
        return [(at, lane) for at, lane in self.taken if isinstance(lane, Lane)]

    @property
    def is_replayed(self) -> bool:
        """Whether all of its trials are finished already."""
        return not any(isinstance(lane, Lane) or lane.then for _, lane in self.taken)

    @property
    def free(self) -> dict[OptimizerSpec, int]:
        """Number of free lanes in each optimizer's block."""
        return {optimizer: len(self._free(optimizer)) for optimizer in self._spec.optimizers}

    def admit(self, newcomers: Mapping[OptimizerSpec, Sequence[Lane | Replay]]) -> None:
        """Give free lanes to trials that begin, in each block at most as many as are free."""
        begun = {
            at: lane
            for optimizer, lanes in newcomers.items()
            for at, lane in zip(self._free(optimizer), lanes, strict=False)
        }
        self._place(begun)

    def fits(self, known: Known) -> bool:
        """Whether a trial can go on in a lane of this stack."""
        shapes = [each.shape for each in known.listed("weights")]
        return shapes == [tuple(each.shape[1:]) for each in self._state.weights]

    def advance(self) -> list[Lane]:
        """Train all trials for one epoch; return those that are finished and free their lanes."""
        replayed = [(at, each) for at, each in self.taken if isinstance(each, Replay)]
        finished = self._train() if self.live else []
        goes_on: dict[int, Lane | Replay] = {}
        for at, replay in replayed:
            replay.epochs -= 1
            if not replay.epochs:
                self._lanes[at] = None
                goes_on |= {at: replay.then()} if replay.then else {}
        self._place(goes_on)
        return finished

    def states(self) -> Iterator[tuple[Trial, Known]]:
        """Yield what each trial that has begun goes on from, copied from the device."""
        weights = [each.numpy() for each in self._state.weights]
        slots = [[each.numpy() for each in block] for block in self._state.slots]
        for at, lane in self.live:
            if not lane.epoch:
                continue
            block, offset = divmod(at, self._program.lanes // len(slots))
            own = [each[at] for each in weights], [each[offset] for each in slots[block]]
            yield lane.trial, lane.state(*own)

    def _place(self, begun: Mapping[int, Lane | Replay]) -> None:
        """Put trials into lanes."""
        if begun:
            for at, lane in begun.items():
                self._lanes[at] = lane
            self._state = self._begin({at: x for at, x in begun.items() if isinstance(x, Lane)})
            self._settings = self._read_settings()

    def _train(self) -> list[Lane]:
        live = self.live
        for _, lane in live:
            lane.begin_epoch()
        began = time.perf_counter()
        means, outputs = self._run()
        objectives = self._objectives(live, outputs)
        share = (time.perf_counter() - began) / len(live)
        kept, finished = [], []
        for at, lane in live:
            logs = {name: float(mean[at]) for name, mean in means.items()}
            if lane.end_epoch(share, logs | objectives.get(at, {})):
                kept.append((at, lane))
            if lane.is_finished:
                finished.append(lane)
                self._lanes[at] = None
        if kept:
            self._keep(kept, outputs)
        if self._probe:
            self._measure([(at, lane) for at, lane in live if lane.is_due], self._probe)
        return finished

    def smaller(self) -> tuple[ProgramSpec, int] | None:
        """Program and number of lanes that would be enough, if half as many are."""
        by_block = self._taken_by_block()
        lanes = len(by_block) * max(map(len, by_block.values()))
        if lanes > self._program.lanes // 2:
            return None
        return replace(self._spec, optimizers=tuple(by_block)), lanes

    def moved_to(self, program: EpochProgram) -> Cohort:
        """Go on in the program that :meth:`smaller` asked for; this cohort is not used any more."""
        moved = Cohort(program, self._probe)
        places: list[int] = []
        slots = []
        for optimizer, live in self._taken_by_block().items():
            block = moved._block(optimizer)
            for at, old in zip(block, live, strict=False):
                moved._lanes[at] = self._lanes[old]
            # Empty lanes repeat the block's first trial; their results are discarded.
            own = live + live[:1] * (len(block) - len(live))
            places += own
            offsets = [at - self._block(optimizer).start for at in own]
            state = self._state.slots[self._spec.optimizers.index(optimizer)]
            slots.append(tuple(tf.gather(each, offsets) for each in state))
        weights = tuple(tf.gather(each, places) for each in self._state.weights)
        moved._state = State(weights, tuple(slots))
        moved._settings = moved._read_settings()
        return moved

    def _run(self) -> tuple[dict[str, Floats], tf.Tensor]:
        program, lanes = self._program, self._program.lanes
        rows = program.rows.training
        orders = np.zeros((lanes, rows), np.int32)
        rates = np.zeros((lanes, program.steps), np.float32)
        taken = np.zeros(lanes, np.int32)
        for at, lane in self.live:
            order, own_rates = program.rows.order(lane.trial, lane.epoch), lane.rates
            orders[at, : len(order)], rates[at, : len(own_rates)] = order, own_rates
            taken[at] = lane.taken
        given = orders, rates, taken, self._settings
        self._state, means, outputs = program.run(self._state, *given)
        return means, outputs

    def _keep(self, kept: Sequence[tuple[int, Lane]], outputs: tf.Tensor) -> None:
        """Copy the networks that are to be kept from the device."""
        values = outputs.numpy()
        for (at, lane), weights in zip(kept, self._weights_of(kept), strict=True):
            scored = values[at][self._program.rows.scored(lane.trial)]
            lane.keep(weights, scored.copy())

    def _objectives(
        self, live: Sequence[tuple[int, Lane]], outputs: tf.Tensor
    ) -> dict[int, dict[str, float]]:
        """What callbacks watch beside Keras's metrics, by lane; outputs are copied if any does."""
        asked = [(at, lane, lane.objective) for at, lane in live if lane.objective]
        if not asked:
            return {}
        values, rows = outputs.numpy(), self._program.rows
        return {at: o.logs(values[at][rows.watched(lane.trial)]) for at, lane, o in asked}

    def _measure(self, due: Sequence[tuple[int, Lane]], probe: Probe) -> None:
        """Measure the layers of some networks, those with the same layers together."""
        alike = defaultdict[tuple[tuple[str, int], ...], list[tuple[int, Lane]]](list)
        for at, lane in due:
            layers = lane.trial.network.hidden
            alike[tuple((each.activation, each.units) for each in layers)].append((at, lane))
        for members in alike.values():
            weights = list(self._weights_of(members))
            stacked = list(map(np.stack, zip(*weights, strict=True)))
            measured = probe.measure(members[0][1].trial.network, stacked)
            for position, (_, lane) in enumerate(members):
                lane.record(weights[position], measured.of(position))

    def _weights_of(self, lanes: Sequence[tuple[int, Lane]]) -> Iterator[list[NDArray[Any]]]:
        """Copy some networks' weights from the device, in the order and shapes of Keras."""
        held = [each.numpy() for each in self._state.weights]
        for at, lane in lanes:
            own = [each[at] for each in held]
            yield from_lane(self._spec.model.network, lane.trial.network, own)

    def _block(self, optimizer: OptimizerSpec) -> range:
        """The lanes that an optimizer updates."""
        size = self._program.lanes // len(self._spec.optimizers)
        first = self._spec.optimizers.index(optimizer) * size
        return range(first, first + size)

    def _free(self, optimizer: OptimizerSpec) -> list[int]:
        return [at for at in self._block(optimizer) if self._lanes[at] is None]

    def _taken_by_block(self) -> dict[OptimizerSpec, list[int]]:
        """The lanes that are taken, of the blocks in which there are any."""
        taken, specs = dict(self.taken), self._spec.optimizers
        places = {each: [at for at in self._block(each) if at in taken] for each in specs}
        return {optimizer: own for optimizer, own in places.items() if own}

    def _begin(self, begun: Mapping[int, Lane]) -> State:
        """The state with these lanes as before their trials' first step, or as they go on."""
        if not begun:
            return self._state
        stacked = list(map(np.stack, zip(*map(self._first_weights, begun.values()), strict=True)))
        slots, initial = [], self._program.initial_state().slots
        specs = self._spec.optimizers
        for optimizer, old, new in zip(specs, self._state.slots, initial, strict=True):
            block = self._block(optimizer)
            own = {at - block.start: lane for at, lane in begun.items() if at in block}
            values = [np.array(each[: len(own)]) for each in new]
            for position, lane in enumerate(own.values()):
                for value, known in zip(values, _known_slots(lane), strict=False):
                    value[position] = known
            slots.append(_put(old, list(own), values))
        return State(_put(self._state.weights, list(begun), stacked), tuple(slots))

    def _first_weights(self, lane: Lane) -> list[NDArray[Any]]:
        """The weights with which a lane's trial begins, or goes on, in the stack's shapes."""
        if lane.resumed:
            return lane.resumed.listed("weights")
        network = lane.trial.network
        first = initial_weights(network, lane.trial.seed)
        return to_lane(self._spec.model.network, network, first)

    def _read_settings(self) -> LaneSettings:
        first = self.taken[0][1].trial  # empty lanes repeat its settings
        trials = [first if lane is None else lane.trial for lane in self._lanes]
        return read_settings(self._spec, trials)


def _known_slots(lane: Lane) -> list[NDArray[Any]]:
    return lane.resumed.listed("slots") if lane.resumed else []


def _put(old: Tensors, places: Sequence[int], new: Sequence[Any]) -> Tensors:
    """Replace the values at some places of the leading axis."""
    if not places:
        return old
    positions = [[at] for at in places]
    return tuple(
        tf.tensor_scatter_nd_update(each, positions, values)
        for each, values in zip(old, new, strict=True)
    )
