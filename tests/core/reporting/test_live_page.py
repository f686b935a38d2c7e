import re

import pytest

from dnn_sweep.core.reporting.live_page import EVERY, LivePage, LiveSweep
from dnn_sweep.core.training.progress import TrainingProgress
from tests.core.training.test_progress import Clock, a_result, a_trial


class Display(TrainingProgress):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def live():
    clock, pages, display = Clock(), [], Display()
    page = LivePage(display, LiveSweep("iris"), pages.append, "iris/live.html", clock)
    return page, clock, pages, display


def train(page, trial, values, **result):
    page.trial_started(trial)
    for epoch, value in enumerate(values, start=1):
        page.epoch_finished(trial, epoch, {"val_accuracy": value, "val_loss": 1.0})
    page.trial_finished(a_result(trial, values, **result))


def test_it_shows_scores_curves_time_left_and_what_was_dropped(live):
    page, clock, pages, display = live
    page.start(6, 4, 0, "finals")
    train(page, a_trial("adam"), [0.5, 0.75])
    train(page, a_trial("adam", seed=1), [0.5, 0.85])
    train(page, a_trial("sgd"), [0.1], status="diverged")
    page.say("dropped after round 1: relu + sgd")
    clock.now += 12
    page.trial_started(a_trial("lion"))
    page.epoch_finished(a_trial("lion"), 1, {"val_accuracy": 0.25})

    text = re.sub(r"</?abbr[^>]*>", "", pages[-1])
    assert display.lines == ["live page: iris/live.html", "dropped after round 1: relu + sgd"]
    assert ">0.8000</td>" in text
    assert "3 of 6 trials of this stage. Elapsed 12 s, remaining about" in text
    assert "relu + sgd at learning rate 0.1: 1 trial diverged" in text
    assert "dropped after round 1: relu + sgd" in text
    assert "relu + lion, seed 0<br>" in text
    assert "epoch 1 of 4: 0.2500" in text
    assert '<meta http-equiv="refresh"' in text
    assert not re.search(r"<script|<link|src=|https?:", text)


def test_it_is_written_every_few_seconds_and_at_the_ends(live):
    page, clock, pages, _ = live
    with page:
        page.start(3, 2, 0)
        train(page, a_trial("adam"), [0.5, 0.75])
        assert len(pages) == 1
        clock.now += EVERY
        train(page, a_trial("sgd"), [0.5, 0.75])
        assert len(pages) == 2

    assert len(pages) == 3
    assert "iris: Training has finished" in pages[-1]
    assert '<a href="report.html">' in pages[-1]
    assert "refresh" not in pages[-1]


def test_what_is_compiled_is_named_at_once_and_only_until_it_is_there(live):
    page, _, pages, _ = live
    page.start(3, 2, 0)
    page.compiling(6)
    assert "Compiling 1 program," in pages[-1]
    page.compiled(6, 2.0)
    page.start(3, 2, 0, "finals")
    assert "Compiling" not in pages[-1]


def test_one_that_fails_leaves_the_colours_to_the_better_half():
    sweep = LiveSweep("iris", stage="finals")
    for optimizer, value in {"adam": 0.96, "lion": 0.90, "nadam": 0.95, "sgd": 0.1}.items():
        sweep.add(a_result(a_trial(optimizer), [value]))
    ((_, cells),) = sweep.table()[1]
    adam, lion, nadam, sgd = (cell["strength"] for cell in cells)
    assert adam > nadam > 1.2 * lion > sgd > 0


def test_an_interrupted_training_is_not_called_finished(live):
    page, _, pages, _ = live
    with pytest.raises(KeyboardInterrupt), page:
        page.start(3, 2, 0)
        raise KeyboardInterrupt
    assert "Training stopped before its end" in pages[-1]
    assert "report.html" not in pages[-1]


def test_the_screening_is_replaced_by_the_finals_and_a_failing_disk_costs_the_page_alone():
    def full(_):
        raise OSError("no space left")

    sweep = LiveSweep("iris")
    page = LivePage(Display(), sweep, full, "live.html", Clock())
    page.start(1, 2, 0, "screening")
    train(page, a_trial("adam"), [0.5, 0.6])
    (_, (cell,)) = sweep.table()[1][0]
    assert (cell["value"], cell["stage"]) == (0.6, "screening")
    page.start(1, 2, 0, "finals")
    train(page, a_trial("adam"), [0.5, 0.4])
    (_, (cell,)) = sweep.table()[1][0]
    assert (cell["value"], cell["stage"]) == (0.4, "finals")


def test_names_are_text_and_never_markup(live):
    page, _, pages, _ = live
    page.say("<script>alert(1)</script>")
    page.start(1, 2, 0)
    assert "<script>" not in pages[-1]
    assert "&lt;script&gt;" in pages[-1]
