import logging
import time
from io import StringIO
from itertools import count

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.logging import RichHandler

from dnn_sweep.core.networks.body import Layer
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.reporting.training_display import LiveDisplay, PlainDisplay
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stage_clock import StageClock
from dnn_sweep.parameters import CallbackParameters


def a_trial(optimizer="adam", seed=0, task="multiclass", epochs=4):
    layer = Layer(name="hidden1", units=4, activation="relu", kernel_initializer="he_normal")
    return Trial(
        task=task,
        combination=f"relu + {optimizer}",
        activation="relu",
        optimizer=optimizer,
        optimizer_class=optimizer,
        optimizer_arguments={},
        learning_rate=0.1,
        network=Network(
            inputs=2,
            hidden=(layer,),
            outputs=3,
            output_activation="softmax",
            loss="sparse_categorical_crossentropy",
            metric="accuracy",
        ),
        batch_size=32,
        epochs=epochs,
        callbacks=CallbackParameters(),
        seed=seed,
        data="fingerprint",
    )


def a_result(trial, values, *, best_epoch=None, status="completed", seconds=1.5):
    name = "val_mae" if trial.task == "regression" else "val_accuracy"
    return TrialResult(
        trial=trial,
        status=status,
        history=pd.DataFrame({"epoch": range(1, len(values) + 1), name: values}),
        best_epoch=len(values) if best_epoch is None else best_epoch,
        outputs=np.zeros((1, 3), dtype=np.float32),
        seconds=seconds,
        engine="keras",
        engine_reason="asked for",
        load_network=lambda: None,
    )


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def plain(width=80):
    clock, stream = Clock(), StringIO()
    return PlainDisplay(Console(file=stream, width=width), clock), clock, stream


def live(width=120, clock=time.monotonic):
    stream = StringIO()
    console = Console(
        file=stream, width=width, force_terminal=True, force_interactive=True, color_system=None
    )
    return LiveDisplay(console, clock), console, stream


def tasks_of(display):
    return {task.description: task for task in display._progress.tasks}


def test_the_score_is_the_objective_at_the_best_epoch():
    assert a_result(a_trial(), [0.5, 0.9, 0.7], best_epoch=2).score == 0.9
    assert np.isnan(a_result(a_trial(), [0.5], best_epoch=0).score)


def best_shown(*results):
    """The best that a line of the plain display shows in the end."""
    display, _, stream = plain()
    display.start(len(results), 4, 0)
    for result in results:
        display.trial_finished(result)
    return stream.getvalue().splitlines()[-1].rpartition(", best ")[2].rpartition(",")[0]


@pytest.mark.parametrize(
    ("task", "expected"),
    [("multiclass", "0.6000 (relu + sgd)"), ("regression", "0.4000 (relu + adam)")],
)
def test_the_best_follows_the_objectives_direction(task, expected):
    adam = a_result(a_trial("adam", task=task), [0.4])
    assert best_shown(adam, a_result(a_trial("sgd", task=task), [0.6])) == expected


@pytest.mark.parametrize("given", [{"status": "diverged"}, {"best_epoch": 0}])
def test_a_trial_that_diverged_or_kept_no_epoch_never_leads(given):
    results = a_result(a_trial("sgd"), [0.9], **given), a_result(a_trial("adam"), [0.2])
    assert best_shown(*results) == "0.2000 (relu + adam)"


def test_plain_lines_tell_place_status_metric_best_duration_and_time_left():
    display, clock, stream = plain()
    display.start(total_trials=12, epochs=4, cached=9)
    clock.now += 30
    display.trial_finished(a_result(a_trial("sgd"), [0.5], seconds=30))
    clock.now += 10
    display.trial_finished(
        a_result(a_trial("adam", seed=3), [0.25], status="diverged", seconds=9.5)
    )
    display.trial_finished(a_result(a_trial("lion"), [0.75], seconds=2))

    assert stream.getvalue().splitlines() == [
        "9 of 12 trials already trained",
        "training 3 trials of 4 epochs at most",
        "[10/12] relu + sgd, seed 0: completed, val_accuracy 0.5000, best 0.5000 (relu + sgd), "
        "30 s, about 1 min 0 s left",
        "[11/12] relu + adam, seed 3: diverged, val_accuracy 0.2500, best 0.5000 (relu + sgd), "
        "9.5 s, about 20 s left",
        "[12/12] relu + lion, seed 0: completed, val_accuracy 0.7500, best 0.7500 (relu + lion), "
        "2.0 s",
    ]


def test_a_search_has_a_line_every_few_seconds():
    display, clock, stream = plain()
    display.start(total_trials=400, epochs=1, cached=0, stage="search")
    for _ in range(80):
        clock.now += 0.25
        display.trial_finished(a_result(a_trial("sgd"), [0.5]))
    first, *lines = stream.getvalue().splitlines()
    assert first == "search: training 400 trials"
    assert len(lines) == 4
    assert "about 1 min 20 s left" in lines[-1]


def test_a_plain_line_is_there_as_soon_as_its_trial_is_finished(tmp_path):
    path = tmp_path / "log.txt"
    with path.open("w", buffering=1 << 16) as file:
        display = PlainDisplay(Console(file=file))
        display.start(2, 4, 0)
        display.trial_finished(a_result(a_trial(), [0.5]))
        assert "[1/2] relu + adam" in path.read_text()


def test_the_live_bar_counts_epochs_of_all_trials_and_the_ones_already_trained():
    display, _, stream = live(clock=count(100).__next__)
    with display:
        display.start(total_trials=30, epochs=4, cached=27)
        sweep = tasks_of(display)["trials"]
        assert (sweep.completed, sweep.total) == (27 * 4, 30 * 4)
        one, two = a_trial("sgd"), a_trial("adam")
        display.trial_started(one)
        display.trial_started(two)
        display.epoch_finished(one, 3, {"val_accuracy": 0.5, "val_loss": 1.25, "loss": 1.0})
        display.epoch_finished(two, 1, {"val_accuracy": 0.25})
        assert tasks_of(display)["trials"].completed == 27 * 4 + 4
        display.trial_finished(a_result(one, [0.5]))
        sweep = tasks_of(display)["trials"]
        assert sweep.completed == 28 * 4 + 1
        assert sweep.fields["done"] == "28/30"
        assert sweep.fields["note"] == "best 0.5000 relu + sgd"
    assert "27 of 30 trials already trained" in stream.getvalue()


@pytest.mark.parametrize(
    ("width", "metrics"),
    [(120, "val_accuracy 0.5000, val_loss 1.250"), (80, "0.5000")],
)
def test_the_live_display_shows_the_trial_at_hand_and_its_last_metrics(width, metrics):
    display, console, _ = live(width)
    with display:
        display.start(2, 4, 0)
        trial = a_trial("adam", seed=7)
        display.trial_started(trial)
        display.epoch_finished(trial, 2, {"val_accuracy": 0.5, "val_loss": 1.25, "loss": 1.0})
        with console.capture() as shown:
            console.print(display._progress.make_tasks_table(display._progress.tasks))
    row = next(line for line in shown.get().splitlines() if "seed 7" in line)
    assert "relu + adam, seed 7" in row
    assert "epoch 2/4" in row
    assert "0:00 elapsed, -:-- left" in row
    assert row.rstrip().endswith(f" left {metrics}")


def test_eighty_columns_hold_name_bar_and_labelled_times_of_both_stages():
    display, console, _ = live(80)
    with display:
        for stage in ("screening", "screening beyond edges", "finals"):
            display.start(150, 20, 0, stage)
            trial = a_trial("nesterov", seed=104, epochs=10)
            display.trial_started(trial)
            display.epoch_finished(trial, 10, {"val_accuracy": 0.5})
            display.trial_finished(a_result(a_trial("adam"), [0.9123]))
            with console.capture() as shown:
                console.print(display._progress.make_tasks_table(display._progress.tasks))
    rows = [row for row in shown.get().splitlines() if row.strip()][:4]
    assert all(" elapsed" in row for row in rows)  # so no name has broken into lines
    assert rows[3].count("\N{BOX DRAWINGS HEAVY HORIZONTAL}") >= 7
    assert all(" left " in row and "best 0.9123" in row for row in rows[:3])
    assert "screening beyond edges" in rows[1]
    assert "epoch 10/10" in rows[3]


def test_a_combination_that_diverges_again_is_told_once_a_stage():
    display, _, stream = live()
    with display:
        for stage in ("screening", "finals"):
            display.start(3, 4, 0, stage)
            for seed in (0, 1, 2):
                display.trial_finished(a_result(a_trial("sgd", seed), [0.5], status="diverged"))
    assert stream.getvalue().count("diverged after") == 2


def test_many_trials_at_once_share_a_bar_that_moves_now_and_then():
    clock = Clock()
    display, _, _ = live(clock=clock)
    trials = [a_trial(seed=seed, epochs=20) for seed in range(40)]
    with display:
        display.start(80, 20, 0)
        for trial in trials:
            display.trial_started(trial)
        for epoch in (1, 2, 3):
            for trial in trials:
                display.epoch_finished(trial, epoch, {"val_accuracy": 0.5})
            clock.now += 1

        tasks = tasks_of(display)
        assert set(tasks) == {"trials", "40 trials"}
        assert tasks["40 trials"].fields["done"] == "epoch 3/20"
        # The first of the third round was drawn, the other 39 only counted.
        assert tasks["trials"].completed == 2 * 40 + 1
        for trial in trials:
            display.trial_finished(a_result(trial, [0.5]))
        assert tasks_of(display)["trials"].completed == 40 * 20


def test_a_compilation_has_a_bar_that_names_it_until_it_ends():
    display, console, _ = live(80)
    with display:
        display.start(80, 20, 0, "finals")
        display.compiling(6)
        with console.capture() as shown:
            console.print(display._progress.make_tasks_table(display._progress.tasks))
        row = shown.get().splitlines()[-1]
        assert row.startswith("compiling")
        assert "6 trials" in row
        assert "0:00 elapsed " in row
        display.compiled(6, 4.5)
        assert set(tasks_of(display)) == {"finals"}
        display.compiling(3)  # and is interrupted
    assert set(tasks_of(display)) == {"finals"}


@pytest.mark.parametrize("make", [plain, live])
def test_only_a_long_compilation_is_told(make):
    display, _, stream = make()
    with display:
        display.start(80, 20, 0)
        display.compiled(40, 0.9)
        assert "compiled" not in stream.getvalue()
        display.compiled(40, 3.24)
    assert "compiled a program for 40 trials in 3.2 s" in stream.getvalue()


def test_the_time_left_is_right_where_many_trials_end_at_once():
    display, clock, stream = plain()
    trials = [a_trial(seed=seed, epochs=20) for seed in range(40)]
    display.start(total_trials=80, epochs=20, cached=0)
    for trial in trials:
        display.trial_started(trial)
    for epoch in range(1, 21):
        for trial in trials:
            display.epoch_finished(trial, epoch, {})
    clock.now += 30
    for trial in trials:
        display.trial_finished(a_result(trial, [0.5]))

    lines = stream.getvalue().splitlines()[1:]
    assert len(lines) == 40
    assert all(line.endswith("about 30 s left") for line in lines)


@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_a_display_tells_the_clock_what_was_compiled_and_trained(kind):
    now = Clock()
    stages = StageClock(now)
    stages.enter("train")
    with kind(Console(file=StringIO()), stages=stages) as progress:
        progress.start(1, 4, 0)
        now.now += 5
        progress.compiled(1, 6.0, share=0.5)
        progress.trial_started(a_trial())
        progress.epoch_finished(a_trial(), 1, {})
        progress.trial_finished(a_result(a_trial(), [0.5, 0.6]))

    assert stages.read() == {
        "start_up": 0, "compile": 3, "train": 2, "total": 5,
        "model_epochs": 2, "model_epochs_per_second": 1,
    }  # fmt: skip


def test_the_time_left_is_estimated_before_the_first_trial_ends():
    display, _, _ = live()
    now = iter(range(1000))
    display._progress.get_time = lambda: float(next(now))
    with display:
        display.start(10, 4, 0)
        trial = a_trial()
        display.trial_started(trial)
        for epoch in (1, 2, 3):
            display.epoch_finished(trial, epoch, {"val_accuracy": 0.5})
        assert tasks_of(display)["trials"].time_remaining is not None


def test_log_lines_and_diverged_trials_go_above_the_bars():
    display, console, stream = live()
    logger = logging.getLogger("a log beside the display")
    handler = RichHandler(console=console)
    logger.addHandler(handler)
    with display:
        display.start(2, 4, 0)
        trial = a_trial("sgd")
        display.trial_started(trial)
        logger.warning("Saving data")
        display.trial_finished(a_result(trial, [0.5, float("nan")], status="diverged"))
    logger.removeHandler(handler)
    lines = stream.getvalue()
    assert "relu + sgd at learning rate 0.1: diverged after 2 epochs" in lines
    saving, last_bar = lines.index("Saving data"), lines.rindex("trials")
    assert saving < last_bar


def test_a_crash_gives_the_terminal_back():
    display, _, _ = live()

    def train():
        with display:
            display.start(2, 4, 0)
            display.trial_started(a_trial())
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        train()

    assert not display._progress.live.is_started
    assert list(tasks_of(display)) == ["trials"]


def test_progress_that_nothing_shows_takes_every_call_and_prints_nothing(capsys):
    silent = TrainingProgress()
    with silent as progress:
        progress.start(1, 1, 0)
        progress.compiled(1, 2.0)
        progress.trial_started(a_trial())
        progress.epoch_finished(a_trial(), 1, {})
        progress.trial_finished(a_result(a_trial(), [0.5]))
    assert capsys.readouterr() == ("", "")
