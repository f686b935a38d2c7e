"""Processes that run tasks: what happens when one dies, fails or is no longer wanted."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import psutil
import pytest

from dnn_sweep.core.errors import SweepError, TrialsFailedError
from dnn_sweep.core.training.worker_pool import Event, Result, WorkerPool


def begin(factor):
    """In the process: multiply, or do what the task says."""
    if factor == "fail":
        raise ValueError("no rows here")

    def run(task, report):
        report(("pid", os.getpid()))
        if task == "fail":
            raise ValueError("seven is right out")
        if task == "refuse":
            raise SweepError("the user's mistake")
        if task == "die" or (isinstance(task, Path) and not task.exists()):
            if isinstance(task, Path):
                task.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "talk":
            report(bytes(2**26))  # far more than a pipe holds
        if task == "exit":
            sys.exit(3)
        if task == "sleep":
            time.sleep(60)
        return 0 if isinstance(task, Path) else task * factor

    return run


@pytest.fixture
def pool():
    made = WorkerPool(2, begin, 10)
    yield made
    made.close()


def ignore(position):
    del position


def results(pool, tasks, started=ignore):
    return {m.task: m.content for m in pool.run(tasks, started) if isinstance(m, Result)}


def test_tasks_run_in_several_processes_which_stay_for_the_next(pool):
    started = []
    messages = list(pool.run([1, 2, 3, 4], started.append))
    pids = [message.content[1] for message in messages if isinstance(message, Event)]
    assert started == [0, 1, 2, 3]
    assert os.getpid() not in pids
    again = [m.content[1] for m in pool.run([5, 6], ignore) if isinstance(m, Event)]
    assert set(again) <= set(pids)
    assert results(pool, [7, 8]) == {0: 70, 1: 80}


def test_a_killed_process_loses_only_its_task_which_another_one_runs(pool, tmp_path):
    assert results(pool, [1, tmp_path / "died", 2, 3]) == {0: 10, 1: 0, 2: 20, 3: 30}


def test_a_process_that_is_killed_while_it_waits_for_a_task_is_replaced(pool):
    (message, _) = pool.run([1], ignore)
    kill(message.content[1])
    assert results(pool, [2, 3, 4]) == {0: 20, 1: 30, 2: 40}


def test_a_process_that_is_killed_while_it_sends_loses_only_its_task(pool):
    messages = pool.run(["talk"], ignore)
    first = next(messages).content[1]
    time.sleep(0.3)  # the pipe is full, and nobody reads
    kill(first)
    found = [each.content for each in messages]
    assert found[0][1] != first
    assert found[-1] == "talk" * 10


def kill(pid):
    (process,) = (each for each in active_children() if each.pid == pid)
    process.kill()
    process.join()


def test_a_process_that_ends_by_itself_is_reported_with_its_own_exit_code(pool):
    with pytest.raises(SweepError, match=r"exit: its process ended 2 times \(exit code 3\)"):
        results(pool, ["exit"])


def test_what_the_beginning_of_a_process_raises_is_raised_here():
    failing = WorkerPool(1, begin, "fail")
    with pytest.raises(RuntimeError, match="ValueError: no rows here"):
        results(failing, [1])
    failing.close()


def test_a_task_that_raises_is_named_after_the_others_are_done_and_where_it_raised(pool):
    found = {}
    with pytest.raises(
        TrialsFailedError, match=r"fail: ValueError: seven is .* \(test_worker_pool.py, line \d+\)"
    ):
        for message in pool.run(["fail", 1, 2], ignore):
            if isinstance(message, Result):
                found[message.task] = message.content
    assert found == {1: 10, 2: 20}


def test_a_task_that_kills_its_process_twice_is_named_after_the_others_are_done(pool):
    found = {}
    with pytest.raises(SweepError, match=r"die: its process ended 2 times \(exit code -9\)"):
        for message in pool.run(["die", 1, 2], ignore):
            if isinstance(message, Result):
                found[message.task] = message.content
    assert found == {1: 10, 2: 20}


def test_a_mistake_of_the_users_is_raised_at_once(pool):
    with pytest.raises(SweepError, match="the user's mistake"):
        results(pool, ["refuse"])
    assert results(pool, [1]) == {0: 10}


def test_processes_end_with_what_nobody_waits_for(pool):
    messages = pool.run(["sleep", "sleep"], ignore)
    pids = [next(messages).content[1] for _ in range(2)]
    messages.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert results(pool, [1]) == {0: 10}


def leave_word(file):
    Path(file).touch()


ORPHANS = """
import os, sys, time
from dnn_sweep.core.training.worker_pool import WorkerPool
if __name__ == "__mp_main__":  # in the process, which has not begun yet
    print(os.getpid(), flush=True)
    time.sleep(0.5)
from tests.core.training.test_worker_pool import begin, ignore, leave_word
if __name__ == "__main__":
    pool = WorkerPool(1, begin, sys.argv[1], orphaned=leave_word)
    for message in pool.run(["sleep"], ignore):
        print(message.content, flush=True)
"""


def test_an_interrupt_reaches_only_the_parent_and_no_process_outlives_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ORPHANS)
    root = Path(__file__).parents[3]
    env = os.environ | {"PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path / "word"],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
    )
    worker = psutil.Process(int(parent.stdout.readline()))
    worker.send_signal(signal.SIGINT)
    assert str(worker.pid) in parent.stdout.readline()  # it has begun its task
    worker.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert worker.is_running()
    parent.kill()
    parent.communicate()
    worker.wait(10)  # long before its task ends
    assert (tmp_path / "word").exists()
