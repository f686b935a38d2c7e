"""A budget is spent by rounds of halving, and what was decided is kept."""

import dataclasses

import numpy as np
import pytest

from dnn_sweep.core.plan.learning_rates import at_every_rate
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training import sweep as sweeps
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.race import Race
from dnn_sweep.core.training.screening import Screening, choose_learning_rates
from dnn_sweep.core.training.sweep import Sweep
from dnn_sweep.parameters import ScreeningParameters, TrainingParameters
from tests.builders import make_data, make_plan, make_result
from tests.core.training.stacked.sweeps import no_files

SCREENING = ScreeningParameters(enabled=True, factors=(0.1, 1, 10), extensions=1)
NONE = TrialPlan(trials=())
ACTIVATIONS = ["relu", "tanh", "elu", "selu", "gelu", "sigmoid", "softsign", "swish"]
OUTPUTS = np.zeros((4, 3), np.float32)


class Told(TrainingProgress):
    """Remembers the stages and what was said."""

    def __init__(self):
        self.stages, self.said = [], []

    def start(self, total_trials, epochs, cached, stage="trials"):
        self.stages.append((stage, total_trials, cached))

    def say(self, line):
        self.said.append(line)


class Clocked:
    """Stands in for an engine: every trial takes two seconds of a clock, and some accuracy.

    The later an activation in the list, the worse, and a little by the seed.
    """

    name = "keras"

    def __init__(self, stop_after=None):
        self.now, self.trained, self._stop_after = 0.0, [], stop_after

    def refuses(self, trial, logs=None):
        return None

    def train(self, trials, data, progress, logs, reason, finished=(), *, measured=False):
        for trial in trials:
            if trial.id in finished:
                continue
            if len(self.trained) == self._stop_after:
                raise KeyboardInterrupt
            self.now += 2
            self.trained.append(trial)
            rate = 0.01 * (trial.learning_rate != 0.001)
            worse = ACTIVATIONS.index(trial.activation) / 20 + trial.seed % 3 / 1000 + rate
            result = make_result(trial, OUTPUTS, seconds=2.0)
            yield dataclasses.replace(
                result, history=result.history.assign(val_accuracy=1 - worse)
            )

    def close(self):
        pass


def plans(screening=None, activations=ACTIVATIONS):
    grid = {"activations": activations, "optimizers": [{"adam": {"learning_rate": 0.001}}]}
    finals = make_plan(grid=grid, training={"seeds": [0, 1, 2, 3, 4], "epochs": 2})
    few = make_plan(grid=grid, training={"seeds": [5], "epochs": 1})
    return finals, at_every_rate(few, screening) if screening else NONE


def run(monkeypatch, minutes, kept=None, earlier=None, screening=None, **given):
    """Train with a budget; what was kept of it, even if it was interrupted."""
    engine, display = Clocked(given.pop("stop_after", None)), Told()
    monkeypatch.setattr(sweeps, "build_engines", lambda *_: [engine])
    finals, first = plans(screening, **given)
    kept = {} if kept is None else kept
    settings = screening or ScreeningParameters()
    race = Race(
        finals, first, minutes, earlier or Rounds(), 0.0, kept, display, clock=lambda: engine.now
    )
    training = TrainingParameters(engine="keras")
    sweep = Sweep(
        finals, Screening(first, settings), dict(kept), make_data(), display, training, no_files(),
        race,
    )  # fmt: skip
    rounds, reports = race.rounds, []
    try:
        for report in sweep.run():
            reports.append(report)
            kept.setdefault(report.result.trial.id, report.result)
            rounds = race.rounds
    except Exception as error:
        assert "interrupted" in str(error)
    chosen = None
    if rounds.ended:
        chosen, _ = choose_learning_rates(finals, first, kept, settings, rounds)
    return kept, rounds, reports, chosen, engine, display


def seconds(number):
    """A budget that leaves so many seconds to train."""
    return number / 60 / 0.95


def test_half_is_dropped_after_every_round_and_the_rest_trains_on_fresh_seeds(monkeypatch):
    kept, rounds, reports, chosen, engine, display = run(monkeypatch, seconds(140))
    assert engine.now <= 140
    assert rounds.ended
    first, *later = rounds.rounds
    assert list(first.combinations) == [f"{name} + adam" for name in ACTIVATIONS]
    before = first
    for each in later:
        better = [name for name in before.combinations if name in each.combinations]
        if len(before.seeds) > 1 or each is not later[0]:
            assert better == [f"{name} + adam" for name in ACTIVATIONS[: len(better)]]
        before = each
    assert len(later[-1].combinations) == 2
    used = [seed for each in rounds.rounds for seed in each.seeds]
    assert len(used) == len(set(used))
    assert used[:5] == [0, 1, 2, 3, 4]
    assert 5 not in used or True
    counts = rounds.counts()
    assert counts["relu + adam"] == counts["tanh + adam"] > counts["swish + adam"] >= 2
    print(rounds, display.said, display.stages)
