"""The benchmarks run from the command line, fairly, with what is installed."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.contestants import CONTESTANTS
from benchmarks.render import render_page
from benchmarks.run import Race
from benchmarks.targets import Measured, judge_targets
from benchmarks.workloads import WORKLOADS, load_work

ROOT = Path(__file__).resolve().parents[1]
PRESENT = ("dnn_sweep_keras", "keras_loop", "scikit_learn")
STEPS = 34  # per epoch of digits: 1,077 rows, 32 per batch, the last batch smaller
DIGITS_RIGHT_BY_CHANCE = 0.1


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def race(tmp_path_factory):
    """Everyone who needs nothing but the project's own environment, and one who is not there."""
    folder = tmp_path_factory.mktemp("results")
    chosen = [f"--contestant={name}" for name in (*PRESENT, "keras_tuner")]
    options = ["--workload=quick", "--no-warm-up", f"--results={folder}"]
    done = run("benchmarks.run", *options, *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((folder / "results.json").read_text())
    runs = {each["contestant"]: each for each in results["runs"]}
    return folder, results, runs, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESENT)
def test_a_contestant_trains_every_combination_for_the_same_steps(race, name):
    measured = race[2][name]

    assert measured["status"] == "done", measured
    assert measured["seeds"] == [0]
    assert list(measured["val_accuracy"]) == ["relu + momentum", "relu + adam"]
    assert measured["model_epochs"] == 2 * WORKLOADS["quick"].epochs
    assert measured["steps"] == [STEPS * WORKLOADS["quick"].epochs]


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESENT)
def test_a_contestant_learns_as_well_as_the_others(race, name):
    everyone = [each["val_accuracy"] for each in race[2].values()]

    for combination, accuracy in race[2][name]["val_accuracy"].items():
        best = max(each[combination] for each in everyone)
        assert accuracy > 6 * DIGITS_RIGHT_BY_CHANCE
        assert accuracy > best - 0.2  # six epochs of one seed waver


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESENT)
def test_time_and_memory_are_plausible(race, name):
    measured = race[2][name]

    assert 0 < measured["train_seconds"] < measured["total_seconds"]
    assert measured["model_epochs_per_second"] == pytest.approx(
        measured["model_epochs"] / measured["train_seconds"]
    )
    assert 50 < measured["peak_mib"] < 8_000  # an interpreter with NumPy; a whole machine


@pytest.mark.slow
def test_a_peer_that_is_not_installed_is_named_and_left_out(race):
    _, results, runs, printed = race
    if "keras_tuner" in runs:
        pytest.skip("keras-tuner is installed here")

    assert results["absent"] == {"keras_tuner": "not installed: keras-tuner"}
    assert "not installed: keras-tuner (see benchmarks/README.md)" in printed


@pytest.mark.slow
def test_the_page_shows_what_was_measured(race, tmp_path):
    folder, results, runs, _ = race
    page = tmp_path / "performance.md"

    done = run("benchmarks.render", f"--results={folder}", f"--page={page}")

    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert results["machine"]["cpu"] in text
    assert "\n- **Measured**" in text
    assert str(folder) not in text
    assert "KerasTuner GridSearch: not installed: keras-tuner" in text or "keras_tuner" in runs
    for name, measured in runs.items():
        row = next(
            line for line in text.splitlines() if line.startswith(f"| {CONTESTANTS[name].title} ")
        )
        ratio = runs["keras_loop"]["train_seconds"] / measured["train_seconds"]
        assert f"| {measured['model_epochs_per_second']:.2f} | {ratio:.2f}× |" in row
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(tables) == 3  # targets, race, accuracies
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


@pytest.mark.slow
def test_a_race_is_run_again_beside_what_it_measured_before(race, tmp_path):
    before = race[1]
    (tmp_path / "results.json").write_text(json.dumps(before))
    options = ["--workload=quick", "--no-warm-up", f"--results={tmp_path}", "--again"]
    done = run("benchmarks.run", *options, "--contestant=scikit_learn")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["runs"][:-1] == before["runs"]
    assert (results["runs"][-1]["contestant"], results["runs"][-1]["repeat"]) == ("scikit_learn", 1)
    assert (results["repeats"], results["absent"]) == (2, before["absent"])
    assert results["versions"] == before["versions"]
    assert results["command"].startswith(f"{before['command']} && python -m benchmarks.run ")

    done = run("benchmarks.run", *options, "--contestant=scikit_learn", "--epochs=1")
    assert done.returncode == 1
    assert "options changed since: epochs" in done.stderr


@pytest.fixture(scope="module")
def stopped_race(tmp_path_factory):
    """The default sweep, prepared for somebody who has no time to train it."""
    folder = tmp_path_factory.mktemp("stopped")
    options = ["--workload=digits", "--seeds=2", "--epochs=5", "--no-warm-up", "--timeout=0.1"]
    done = run("benchmarks.run", *options, f"--results={folder}", "--contestant=scikit_learn")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_a_broken_contestant_is_reported(stopped_race):
    (measured,) = json.loads((stopped_race / "results.json").read_text())["runs"]
    assert measured["status"] == "failed"
    assert "stopped after 0.1 s" in measured["message"]
    assert "failed" in render_page(Measured.read(stopped_race)).split("## Not measured")[1]


@pytest.mark.slow
def test_work_is_the_experiment_as_the_project_plans_it(stopped_race):
    work = load_work(stopped_race / "work" / "digits", range(60))
    assert (work.hidden, work.classes, work.batch_size, work.epochs) == (
        (64, 128, 256, 128, 64),
        10,
        32,
        5,
    )
    assert len({(trial.combination, trial.seed) for trial in work.trials}) == 60
    assert work.x_train.shape == (1077, 64)
    assert work.steps_per_epoch == STEPS
    assert work.x_train.min() == 0
    assert work.x_train.max() == 1


def a_run(workload, contestant, seconds, trials=12, epochs=20):
    return {
        "workload": workload,
        "contestant": contestant,
        "status": "done",
        "repeat": 0,
        "trials": trials,
        "offered": trials,
        "epochs": epochs,
        "model_epochs": trials * epochs,
        "train_seconds": seconds,
        "total_seconds": seconds + 5,
        "load_before": 0.1,
        "model_epochs_per_second": trials * epochs / seconds,
        "peak_mib": 500,
        "val_accuracy": {"relu + adam": 0.97},
    }


def measured_runs(*runs, **more):
    return Measured({"runs": list(runs), "absent": {}}, **more)


def verdict_against(measured, against):
    return next(each for each in judge_targets(measured) if each.against == against)


@pytest.mark.parametrize(("seconds", "verdict"), [(49, "reached"), (51, "not reached")])
def test_a_target_is_a_ratio_of_model_epochs_per_second(seconds, verdict):
    # The blog's loop was measured on fewer trials: 75 s for 3 of them are 300 s for 12.
    runs = measured_runs(
        a_run("mnist", "dnn_sweep", seconds), a_run("mnist", "keras_loop", 75, trials=3)
    )

    target = verdict_against(runs, "Keras loop, as in the blog")

    assert target.reached == f"{300 / seconds:.2f}×"
    assert target.verdict == verdict


def test_the_fastest_repeat_counts():
    runs = measured_runs(
        a_run("mnist", "dnn_sweep", 40),
        a_run("mnist", "dnn_sweep", 20),
        a_run("mnist", "pytorch", 60),
    )

    assert runs.ratio("mnist", "dnn_sweep", "pytorch") == pytest.approx(3)


def test_the_roofline_is_compared_with_the_same_trials_only():
    ours = a_run("mnist", "dnn_sweep", 40)
    bound = {"bound_seconds": 30, "trials": 12}

    assert measured_runs(ours, roofline={"mnist": bound}).roofline_share("mnist") == 0.75
    fewer = {"mnist": bound | {"trials": 3}}
    assert measured_runs(ours, roofline=fewer).roofline_share("mnist") is None


@pytest.mark.parametrize(
    ("seconds", "verdict"), [((4, 6, 9), "reached"), ((4, 9, 10), "not reached")]
)
def test_the_cost_of_a_trial_may_not_rise_with_their_number(seconds, verdict):
    counts = (1, 2, 4)
    runs = [
        a_run("scaling", "dnn_sweep", each, trials=count)
        for count, each in zip(counts, seconds, strict=True)
    ]

    assert verdict_against(measured_runs(*runs), "itself").verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    ("again", "said"),
    [
        ([], "cache; once."),
        ([1], "Three combinations on MNIST 2×, The default sweep on digits 1× at most, in turn"),
    ],
)
def test_the_page_says_how_often_each_race_was_run(stopped_race, again, said):
    about = json.loads((stopped_race / "results.json").read_text())
    (failed,) = about["runs"]
    first = failed | {"workload": "mnist"}
    runs = [first, *(first | {"repeat": repeat} for repeat in again), failed]
    page = render_page(Measured(about | {"warmed": True, "runs": runs}))
    assert said in page


@pytest.mark.slow
def test_the_page_shows_where_the_seconds_of_whole_runs_go(stopped_race):
    run = {"compile": 10.0, "train": 40.0, "clock": 70.2, "model_epochs": 4800}
    alone = [{"train_seconds": seconds, "model_epochs": 4800} for seconds in (38, 42)]
    whole_runs = {"command": "kedro run", "alone": alone, "raced": run, "default": run}
    whole_runs["diagnosed"] = run | {"train": 46.0}
    about = json.loads((stopped_race / "results.json").read_text())
    page = render_page(Measured(about, whole_runs=whole_runs))
    assert "alone took 38.0 and 42.0 s" in page
    assert "take 25 % more, and 40 % more if layers are measured" in page
    assert "| train | 40.0 | 46.0 | 40.0 |" in page


def test_whole_runs_decide_their_targets():
    stages = {"start_up": 9, "compile": 10, "train": 32, "checkpoints": 2, "track": 1, "report": 3}
    alone = [{"train_seconds": seconds, "model_epochs": 4800} for seconds in (38, 42)]
    raced = stages | {"model_epochs": 4800, "clock": 70.2}
    diagnosed = raced | {"train": 36}
    whole_runs = {"alone": alone, "raced": raced, "diagnosed": diagnosed}
    whole_runs |= {"default": {"clock": 58.6}}

    measured = measured_runs(whole_runs=whole_runs)

    assert verdict_against(measured, "training alone").reached == "20 %"  # 48 against 40
    assert measured.added("diagnosed") == pytest.approx(0.3)
    assert verdict_against(measured, "the clock").reached == "59 s"


def test_a_whole_run_of_other_trials_is_not_set_against_the_engine_alone():
    alone = [{"train_seconds": 40, "model_epochs": 4800}]
    raced = {"train": 50, "model_epochs": 4799}
    measured = measured_runs(whole_runs={"alone": alone, "raced": raced})
    assert verdict_against(measured, "training alone").reached == "not measured"


def test_what_was_not_measured_is_said_to_be_so():
    assert {each.reached for each in judge_targets(measured_runs())} == {"not measured"}


def test_a_slow_contestants_part_of_the_grid_is_balanced():
    trials = [
        {"activation": activation, "optimizer": optimizer, "seed": seed}
        for activation in "abcde"
        for optimizer in "uvwxyz"
        for seed in (0, 1)
    ]
    race = Race("digits", Path(), trials, slow_seeds=1, slow_share=3, counts=(), contestants=[])

    def chosen(contestant):
        return [trials[at] for at in race.positions(contestant, len(trials))]

    slow = chosen("keras_loop")
    assert len(slow) == 10
    assert {each["seed"] for each in slow} == {0}
    assert Counter(each["activation"] for each in slow) == dict.fromkeys("abcde", 2)
    assert {each["optimizer"] for each in slow} == set("uvwxyz")
    assert len(chosen("torch_func")) == 20  # stacks replicates, so it gets all seeds
    assert chosen("jax_vmap") == trials


@pytest.mark.slow
def test_a_runner_that_is_stopped_leaves_no_contestant_behind(tmp_path):
    options = ["--workload=quick", "--no-warm-up", f"--results={tmp_path}"]
    command = [sys.executable, "-m", "benchmarks.run", *options, "--contestant=keras_loop"]
    job = tmp_path / "work" / "job.json"
    runner = subprocess.Popen(command, cwd=ROOT)
    while not (started := contestants_of(job)) and runner.poll() is None:
        time.sleep(0.1)
    assert started

    runner.terminate()
    runner.wait()

    assert contestants_of(job) == []


def contestants_of(job):
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if str(job) in line]
