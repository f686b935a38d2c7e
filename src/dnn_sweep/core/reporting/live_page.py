"""The live page: what trains now and what is known so far, written again every few seconds."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from dnn_sweep.core.formatting import format_seconds
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.reporting.glossary import explain_terms
from dnn_sweep.core.reporting.pages import page_template
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult

EVERY = 3.0  # seconds between two versions of the page
MOST_CURVES = 12
MOST_SAID = 12
WIDTH, HEIGHT = 120, 36  # of a curve, in its own units
STRONGEST = 0.6  # opacity of the best cell, on which text of either theme can be read
SCREENING, SEARCH, FINALS = "screening", "search", "finals"

Pair = tuple[str, str]  # activation, optimizer


@dataclass
class LiveSweep:
    """What has become known of a sweep since its training began."""

    experiment: str
    stage: str = ""
    done: int = 0
    trials: int = 0
    epochs: int = 0
    began: float = 0.0  # when the stage did
    before: int = 0  # epochs that were trained before
    ending: str = ""  # why nothing trains any more
    metric: str = ""
    sign: int = 1
    said: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_SAID))
    compiling: int = 0  # programs
    diverged: Counter[str] = field(default_factory=Counter)
    running: dict[str, tuple[Trial, list[float]]] = field(default_factory=dict)
    # By stage and pair: the scores of each combination at each learning rate.
    scores: dict[str, dict[Pair, dict[tuple[str, float], list[float]]]] = field(
        default_factory=lambda: {SCREENING: {}, FINALS: {}}
    )

    def meet(self, trial: Trial) -> None:
        """Take note of a trial: its metric, and its place in the table."""
        objective = objective_of(trial.task)
        self.metric, self.sign = objective.validation_metric, objective.sign
        self._scores_of(trial)

    def add(self, result: TrialResult) -> None:
        """Count a finished trial."""
        self.done += 1
        self.running.pop(result.trial.id, None)
        self.meet(result.trial)
        scores = self._scores_of(result.trial)
        key = result.trial.combination, result.trial.learning_rate
        if result.is_diverged or not math.isfinite(result.score):
            self.diverged[f"{key[0]} at learning rate {key[1]:g}"] += 1
        else:
            scores.setdefault(key, []).append(result.score)

    @property
    def completed(self) -> int:
        """Finished epochs of the stage; a trial that ended early counts with all of its epochs."""
        under_way = sum(len(values) for _, values in self.running.values())
        return self.done * self.epochs + under_way

    def seconds_left(self, now: float) -> float | None:
        """Seconds to the end of the stage at the pace so far; ``None`` before there is one."""
        trained = self.completed - self.before
        if trained <= 0 or self.ending:
            return None
        return (now - self.began) / trained * (self.trials * self.epochs - self.completed)

    def table(self) -> tuple[list[str], list[tuple[str, list[dict[str, Any]]]]]:
        """The optimizers, and for each activation its cells in their order."""
        pairs = list(dict.fromkeys(pair for stage in self.scores.values() for pair in stage))
        activations, optimizers = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
        values = {pair: self._best_of(pair) for pair in pairs}
        known = [value for value, _ in values.values() if value is not None]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        best = high if self.sign > 0 else low
        # Those that fail leave the colours to the better half, and no small difference looks large.
        middle = abs(best - median(known)) if known else 0.0
        span = max(min(2 * middle, high - low), 0.05 * abs(best)) or 1.0

        def cell(pair: Pair) -> dict[str, Any]:
            value, stage = values.get(pair, (None, ""))
            near = 0.0 if value is None else max(1 - abs(best - value) / span, 0.05)
            return {"value": value, "stage": stage, "strength": STRONGEST * near}

        return optimizers, [(a, [cell((a, o)) for o in optimizers]) for a in activations]

    def curves(self) -> list[dict[str, Any]]:
        """The running trials that do best, each with its curve as points of a line."""
        begun = [(trial, values) for trial, values in self.running.values() if values]
        ranked = sorted(begun, key=lambda each: -self.sign * each[1][-1])[:MOST_CURVES]
        finite = [v for _, values in ranked for v in values if math.isfinite(v)]
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        span = (high - low) or 1.0
        return [
            {
                "name": f"{trial.combination}, seed {trial.seed}",
                "epoch": len(values),
                "epochs": trial.epochs,
                "value": values[-1],
                "points": " ".join(
                    f"{WIDTH * at / max(trial.epochs, 1):.1f},"
                    f"{HEIGHT - (HEIGHT - 2) * (value - low) / span - 1:.1f}"
                    for at, value in enumerate(values, start=1)
                    if math.isfinite(value)
                ),
            }
            for trial, values in ranked
        ]

    def _scores_of(self, trial: Trial) -> dict[tuple[str, float], list[float]]:
        kind = SCREENING if self.stage.startswith((SCREENING, SEARCH)) else FINALS
        return self.scores[kind].setdefault((trial.activation, trial.optimizer), {})

    def _best_of(self, pair: Pair) -> tuple[float | None, str]:
        """The best mean of a pair, in the finals if there is one, and the stage that it is of."""
        for stage in (FINALS, SCREENING):
            found = self.scores[stage].get(pair, {}).values()
            means = [sum(scores) / len(scores) for scores in found if scores]
            if means:
                return max(means, key=lambda mean: self.sign * mean), stage
        return None, ""


class LivePage(TrainingProgress):
    """Passes every event on to a display, and now and then writes the page.

    Args:
        display: Shows the training elsewhere.
        sweep: What is known so far; kept where a command trains twice.
        write: Takes the page. Where it fails, there are no further pages, and training goes on.
        place: Where the page is, for the line that says so.
    """

    def __init__(
        self,
        display: TrainingProgress,
        sweep: LiveSweep,
        write: Callable[[str], None],
        place: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._display, self._sweep, self._clock = display, sweep, clock
        self._write: Callable[[str], None] | None = write
        self._place, self._written = place, -math.inf
        self._page = page_template("live.html.j2", {"seconds": format_seconds})

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Begin to count a stage; the first time, say where the page is."""
        if not self._sweep.stage:
            self._display.say(f"live page: {self._place}")
        sweep = self._sweep
        sweep.stage, sweep.trials, sweep.epochs, sweep.done = stage, total_trials, epochs, cached
        sweep.running, sweep.ending = {}, ""
        sweep.began, sweep.before = self._clock(), sweep.completed
        self._display.start(total_trials, epochs, cached, stage)
        self._update(at_once=True)

    def compiling(self, trials: int) -> None:
        """Say so: nothing else happens until the program is there."""
        self._sweep.compiling += 1
        self._display.compiling(trials)
        self._update(at_once=True)

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Pass it on."""
        self._sweep.compiling = max(self._sweep.compiling - 1, 0)
        self._display.compiled(trials, seconds, share)

    def trial_started(self, trial: Trial) -> None:
        """List the trial among those that train."""
        self._sweep.meet(trial)
        self._sweep.running[trial.id] = trial, []
        self._display.trial_started(trial)

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Draw the trial's curve on."""
        if (known := self._sweep.running.get(trial.id)) is not None:
            known[1].append(logs.get(self._sweep.metric, math.nan))
        self._display.epoch_finished(trial, epoch, logs)
        self._update()

    def trial_finished(self, result: TrialResult) -> None:
        """Put the trial's score into the table."""
        self._sweep.add(result)
        self._display.trial_finished(result)
        self._update()

    def say(self, line: str) -> None:
        """Keep the line, such as what was dropped and why."""
        self._sweep.said.append(line)
        self._display.say(line)

    def stop(self) -> None:
        """Pass it on; the page's end depends on why it stops."""
        self._display.stop()

    def __exit__(self, *problem: object) -> None:
        self.stop()
        sweep = self._sweep
        sweep.running = {}
        sweep.ending = "Training stopped before its end" if problem[0] else "Training has finished"
        if sweep.stage:
            self._update(at_once=True)

    def _update(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if self._write is None or (now - self._written < EVERY and not at_once):
            return
        self._written = now
        try:
            self._write(render_live_page(self._page, self._sweep, now))
        except OSError:
            self._write = None


def render_live_page(page: Any, sweep: LiveSweep, now: float) -> str:
    """Fill the template ``page`` with what is known ``now``, by the clock of the sweep."""
    pairs = any(sweep.scores.values())
    optimizers, rows = sweep.table() if pairs else ([], [])
    return explain_terms(
        page.render(
            sweep=sweep,
            every=math.ceil(EVERY),
            size=(WIDTH, HEIGHT),
            optimizers=optimizers,
            rows=rows,
            curves=sweep.curves(),
            spent=now - sweep.began,
            left=sweep.seconds_left(now),
            share=sweep.completed / max(sweep.trials * sweep.epochs, 1),
            written=datetime.now().astimezone().strftime("%H:%M:%S"),
        )
    )
