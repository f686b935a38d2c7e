import subprocess
import sys

import pytest

from dnn_sweep.core.training.stage_clock import STAGES, StageClock


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def now():
    return Clock()


def test_every_second_belongs_to_one_stage_and_they_add_up(now):
    clock = StageClock(now, before=2.5)
    for stage, seconds in [("prepare", 1), ("train", 10), ("track", 3), ("train", 4)]:
        clock.enter(stage)
        now.now += seconds

    read = clock.read()

    assert read == {"start_up": 2.5, "prepare": 1, "train": 14, "track": 3, "total": 20.5}
    assert [name for name in STAGES if name in read] == list(read)[:-1]


def test_compiling_is_taken_out_of_training(now):
    clock = StageClock(now)
    clock.enter("train")
    now.now += 10
    clock.compiled(4)
    now.now += 1
    clock.compiled(100)  # several compiled side by side

    assert clock.read() == {"start_up": 0, "compile": 11, "train": 0, "total": 11}


def test_saving_beside_the_training_counts_with_the_processors_time_alone(now):
    busy = Clock()
    clock = StageClock(now, busy=busy)
    clock.enter("train")
    now.now += 10
    clock.enter("checkpoints")
    now.now += 5
    busy.now += 2
    clock.enter("train")

    assert clock.read() == {"start_up": 0, "train": 13, "checkpoints": 2, "total": 15}


def test_how_fast_it_trained_is_told_of_the_time_that_it_trained(now):
    clock = StageClock(now)
    clock.enter("train")
    now.now += 4
    clock.trained(20)
    clock.trained(20)
    clock.enter("track")
    now.now += 50

    read = clock.read()

    assert (read["model_epochs"], read["model_epochs_per_second"]) == (40, 10)


def test_a_second_run_of_the_process_begins_at_nought(now):
    clock = StageClock(now, before=9)
    clock.enter("report")
    clock.trained(20)
    now.now += 5
    clock.restart()
    now.now += 1

    assert clock.read() == {"start_up": 1, "total": 1}


def test_the_seconds_before_the_first_line_count():
    code = (
        "import time; time.sleep(0.5); "
        "from dnn_sweep.core.training.stage_clock import seconds_since_birth as s; "
        "print(s())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert float(found.stdout) >= 0.5 or sys.platform != "linux"
