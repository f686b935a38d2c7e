"""A budget is spent by rounds of halving, and what was decided is kept."""

import dataclasses
from contextlib import nullcontext

import numpy as np
import pytest

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.learning_rates import at_every_rate
from dnn_sweep.core.plan.rounds import Round, Rounds, plan_of_rounds
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training import sweep as sweeps
from dnn_sweep.core.training.halving import MOST_SEEDS
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.race import Race
from dnn_sweep.core.training.screening import Screening, choose_learning_rates
from dnn_sweep.core.training.search import Search
from dnn_sweep.core.training.sweep import Sweep
from dnn_sweep.parameters import ScreeningParameters, TrainingParameters
from tests.builders import make_data, make_plan, make_result
from tests.core.training.stacked.sweeps import no_files
from tests.core.training.test_search import plan as search_plan

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

    def refuses(self, trial):
        return None

    def train(self, trials, data, progress, logs, reason, finished=(), **others):
        for trial in trials:
            if trial.id in finished:
                continue
            if len(self.trained) == self._stop_after:
                raise KeyboardInterrupt
            self.now += 2
            self.trained.append(trial)
            rate = 0.01 * (trial.learning_rate != 0.001)
            worse = ACTIVATIONS.index(trial.activation) / 20 + trial.seed % 3 / 1000 + rate
            metrics = {"val_accuracy": 1 - worse, "val_loss": worse}
            result = make_result(trial, OUTPUTS, seconds=2.0)
            yield dataclasses.replace(result, history=result.history.assign(**metrics))

    def close(self):
        pass


def plans(screening=None, activations=ACTIVATIONS):
    grid = {"activations": activations, "optimizers": [{"adam": {"learning_rate": 0.001}}]}
    finals = make_plan(grid=grid, training={"seeds": [0, 1, 2, 3, 4], "epochs": 2})
    few = make_plan(grid=grid, training={"seeds": [5], "epochs": 1})
    return finals, at_every_rate(few, screening) if screening else NONE


@dataclasses.dataclass
class Ran:
    """What a sweep with a budget left behind; of an interrupted one, what was kept."""

    kept: dict
    rounds: Rounds
    engine: Clocked
    display: Told
    reports: list
    finals: TrialPlan
    screening_plan: TrialPlan
    screening: ScreeningParameters

    def chosen(self):
        """The finals as they are compared, and the screening's table."""
        planned = self.finals, self.screening_plan, self.kept, self.screening
        return choose_learning_rates(*planned, rounds=self.rounds)


def run(monkeypatch, seconds, before=None, screening=None, stop_after=None, **given):
    """Train with a budget that leaves so many seconds, after what was done ``before``."""
    engine, display = Clocked(stop_after), Told()
    monkeypatch.setattr(sweeps, "build_engines", lambda *_: [engine])
    finals, first = plans(screening, **given)
    settings = screening or ScreeningParameters()
    kept = dict(before.kept) if before else {}
    rounds = before.rounds if before else Rounds()
    minutes = seconds / 60 / 0.95  # a twentieth is kept for what follows
    told = dict(kept), display
    race = Race(finals, first, minutes, rounds, 0.0, *told, clock=lambda: engine.now)
    training, stages = TrainingParameters(engine="keras"), Screening(first, settings)
    sweep = Sweep(finals, stages, told[0], make_data(), display, training, no_files(), race)
    reports = []
    with pytest.raises(SweepError, match="interrupted") if stop_after else nullcontext():
        for report in sweep.run():
            reports.append(report)
            kept.setdefault(report.result.trial.id, report.result)
            rounds = race.rounds
    return Ran(kept, rounds, engine, display, reports, finals, first, settings)


@pytest.fixture(scope="module")
def done():
    """A race that was not interrupted, which tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        yield run(patch, 140)


def names(number):
    return tuple(f"{activation} + adam" for activation in ACTIVATIONS[:number])


def test_half_is_dropped_after_every_round_and_the_rest_goes_on_with_new_seeds(done):
    assert [each.combinations for each in done.rounds.rounds] == [
        names(8), names(8), names(4), names(2),
    ]  # fmt: skip
    sizes = [len(each.seeds) for each in done.rounds.rounds]
    assert sizes[0] == 1  # what a training takes is not known before
    assert sizes == sorted(sizes)
    used = [seed for each in done.rounds.rounds for seed in each.seeds]
    assert used == list(range(len(used)))
    assert 0.7 * 140 < done.engine.now <= 140
    assert done.rounds.ended
    assert len(done.engine.trained) == sum(done.rounds.counts().values()) == len(done.kept)


def test_the_console_is_told_of_rounds_of_what_is_dropped_and_of_the_time_left(done):
    assert [stage for stage, *_ in done.display.stages] == [f"round {n}" for n in (1, 2, 3, 4)]
    assert any(
        "dropped after round 3: elu + adam, selu + adam; 2 combinations go on with" in line
        and "left for training" in line
        for line in done.display.said
    )


def test_only_the_last_report_of_all_ends_the_runs_of_the_combinations(done):
    assert {report.replicates for report in done.reports} == {None}
    assert [report.left == 0 for report in done.reports].index(True) == len(done.reports) - 1


@pytest.mark.parametrize("stop_after", [3, 8, 45])
def test_an_interrupted_race_goes_on_and_ends_as_if_it_had_not_been(monkeypatch, done, stop_after):
    part = run(monkeypatch, 140, stop_after=stop_after)
    assert len(part.kept) == stop_after
    rest = run(monkeypatch, 140, before=part)
    assert len(rest.engine.trained) == len(done.kept) - stop_after
    assert rest.rounds == done.rounds
    assert rest.chosen()[0] == done.chosen()[0]


def test_the_same_command_again_trains_nothing_and_reports_everything(monkeypatch, done):
    again = run(monkeypatch, 140, before=done)
    assert not again.engine.trained
    assert again.rounds == done.rounds
    assert [r.result.trial.id for r in again.reports] == [r.result.trial.id for r in done.reports]
    assert again.reports[-1].left == 0


def test_another_budget_begins_anew_with_what_is_trained_for_nothing(monkeypatch, done):
    more = run(monkeypatch, 280, before=done)
    assert done.kept.keys() <= more.kept.keys()
    assert min(more.rounds.counts().values()) > min(done.rounds.counts().values())
    assert not {trial.id for trial in more.engine.trained} & done.kept.keys()


def test_other_plans_do_not_take_over_rounds(monkeypatch, done):
    fewer = run(monkeypatch, 140, before=done, activations=ACTIVATIONS[:3])
    assert fewer.rounds.plan != done.rounds.plan
    assert fewer.rounds.rounds[0].combinations == names(3)


def test_a_budget_that_is_too_short_trains_every_combination_once_and_says_so(monkeypatch):
    done = run(monkeypatch, 1, screening=SCREENING)
    assert done.rounds.counts() == dict.fromkeys(names(8), 1)
    assert done.rounds.own_rates
    assert any("no time to screen 16 more trials" in line for line in done.display.said)
    assert any("too short for 8 combinations; each trains once" in x for x in done.display.said)
    finals, table = done.chosen()
    assert {trial.learning_rate for trial in finals.trials} == {0.001}
    assert table["learning_rate"].tolist() == [0.001] * 8


def test_with_more_time_all_rates_are_screened_and_their_seeds_are_not_used_again(monkeypatch):
    done = run(monkeypatch, 300, screening=SCREENING)
    assert not done.rounds.own_rates
    assert done.rounds.extensions is None
    assert len(done.rounds.rounds[0].seeds) >= 2  # the screening has shown what a training takes
    finals, table = done.chosen()
    assert len(table) == 24
    assert 5 in set(table["seed"])
    seeds = {trial.seed for trial in finals.trials}
    assert 5 not in seeds
    assert 6 in seeds


def test_two_combinations_are_never_dropped(monkeypatch):
    done = run(monkeypatch, 60, activations=ACTIVATIONS[:2])
    assert len(set(done.rounds.counts().values())) == 1
    assert done.rounds.counts()["relu + adam"] > 5


def test_no_combination_gets_more_seeds_than_can_decide_anything(monkeypatch):
    done = run(monkeypatch, 10_000, activations=ACTIVATIONS[:3])
    assert max(done.rounds.counts().values()) == MOST_SEEDS


def test_what_diverged_is_dropped_first(monkeypatch):
    train = Clocked.train

    def diverging(self, *given, **others):
        for result in train(self, *given, **others):
            bad = result.trial.activation == "relu" and result.trial.seed == 1
            yield dataclasses.replace(result, status="diverged") if bad else result

    monkeypatch.setattr(Clocked, "train", diverging)
    done = run(monkeypatch, 140)
    counts = done.rounds.counts()
    assert counts["relu + adam"] == min(counts.values())


def test_with_folds_a_seed_is_all_of_its_folds():
    plan = make_plan(training={"seeds": [0, 1]})
    trials = [
        Trial(**(trial.model_dump() | {"fold": fold, "data": f"{fold}" * 64}))
        for trial in plan.trials
        for fold in (0, 1)
    ]
    rounds = Rounds(rounds=(Round(combinations=("relu + adam",), seeds=(0, 1, 2)),))
    planned = plan_of_rounds(TrialPlan(trials=tuple(trials)), rounds).trials
    assert [(t.seed, t.fold) for t in planned] == [(s, f) for s in (0, 1, 2) for f in (0, 1)]
    assert planned[:4] == tuple(trials)
    assert len({trial.id for trial in planned}) == 6


def run_search(monkeypatch, seconds, before=None, stop_after=None):
    """Search with a budget; a batch is 8, 3 and 1 trials, which take 24 seconds."""
    engine, display, judge = Clocked(stop_after), Told(), Judge()
    monkeypatch.setattr(sweeps, "build_engines", lambda *_: [engine])
    kept, rounds = (dict(before[0]), before[1]) if before else ({}, Rounds())
    planned = search_plan(factors={}, method="random", proposals=64, batch=8, finalists=2)
    grid = {"activations": ACTIVATIONS[:2], "optimizers": ["adam"]}
    finals = make_plan(grid=grid, training={"seeds": [0, 1], "epochs": 9})
    told, search = (dict(kept), display), Search(planned, judge)
    given = {"judge": judge, "search": planned, "clock": lambda: engine.now}
    race = Race(finals, NONE, seconds / 60 / 0.95, rounds, 0.0, *told, **given)
    training, nothing = TrainingParameters(engine="keras"), Screening(NONE, ScreeningParameters())
    settings = make_data(), display, training, no_files(), race
    sweep = Sweep(finals, nothing, told[0], *settings, search=search)
    with pytest.raises(SweepError, match="interrupted") if stop_after else nullcontext():
        for report in sweep.run():
            kept.setdefault(report.result.trial.id, report.result)
            rounds = race.rounds
    return kept, rounds, search.record


@pytest.mark.parametrize("stop_after", [20, 24, 30])
def test_an_interrupted_search_proposes_what_it_would_have_proposed(monkeypatch, stop_after):
    kept, rounds, record = run_search(monkeypatch, 200)
    assert (rounds.proposals, len(record.proposals)) == (24, 24)  # of 64
    part = run_search(monkeypatch, 200, stop_after=stop_after)
    assert len(part[0]) == stop_after
    again = run_search(monkeypatch, 200, before=part)
    assert again[2] == record
    assert again[1] == rounds
    assert again[0].keys() == kept.keys()
