"""Train on a large made-up table and measure time and memory: ``python -m benchmarks.large_table``.

The same table is then read, scaled and trained on with pandas, scikit-learn and Keras alone, one
trial of the sweep, for comparison. Nothing is extrapolated.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.machine import describe_machine
from benchmarks.processes import run_measured

PROJECT = Path(__file__).parents[1]
CATEGORIES = 4  # columns of text, of 8 different words each
CHUNK = 50_000  # rows that are written at once
WORDS = np.array(["the", "red", "old", "house", "boat", "garden", "sea", "runs", "sleeps", "well"])
SETTINGS = "training.epochs=5,training.seeds=3,training.batch_size=1024,screening.enabled=false"
TIMEOUT = 7200


def main() -> None:
    """Write the table, train on it and print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50, help="with the target")
    parser.add_argument("--text", action="store_true", help="a column of sentences as well")
    parser.add_argument("--pipeline", default="train", help="ingestion, to measure that alone")
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)  # a process of this script
    given = parser.parse_args()
    if given.alone:
        print(json.dumps(train_alone(given.alone)))
        return
    with TemporaryDirectory() as parent:
        file, clone = Path(parent, "large.csv"), Path(parent, "clone")
        write_table(file, given.rows, given.columns, text=given.text)
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        settings = f"data.filepath={file},data.target=label,{SETTINGS}"
        settings += ",data.text=note" if given.text else ""
        kedro = str(Path(sys.executable).with_name("kedro"))
        run = f"run --pipeline={given.pipeline} --env=csv --params={settings}".split()
        os.environ["PYTHONPATH"] = str(clone / "src")
        os.chdir(clone)
        done = run_measured([kedro, *run], TIMEOUT)
        if done.code:
            sys.exit(done.output[-4000:])
        stages = clone / "data/08_reporting/large/seconds.json"
        measured = {
            "machine": describe_machine(),
            "rows": given.rows,
            "columns": given.columns,
            "megabytes": round(file.stat().st_size / 1e6),
            "seconds": round(done.seconds, 1),
            "peak_mib": round(done.peak_mib),
            "stages": json.loads(stages.read_text()) if stages.exists() else None,
        }
        if given.pipeline == "train" and not given.text:
            os.environ["PYTHONPATH"] = str(PROJECT)
            command = [sys.executable, "-m", "benchmarks.large_table", "--alone", str(file)]
            print(json.dumps(measured, indent=1), flush=True)
            alone = run_measured(command, TIMEOUT)
            if alone.code:
                sys.exit(alone.output[-4000:])
            # TensorFlow may have warned on other lines.
            (found,) = [line for line in alone.output.splitlines() if line.startswith("{")]
            measured = {"alone": json.loads(found) | {"peak_mib": round(alone.peak_mib)}}
        print(json.dumps(measured, indent=1))


def write_table(file: Path, rows: int, columns: int, *, text: bool) -> None:
    """Write numbers, categories and a label of three classes that depends on some of them."""
    rng = np.random.default_rng(0)
    numeric = [f"x{at}" for at in range(columns - 1 - CATEGORIES)]
    weights = rng.normal(size=(8, 3))
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        values = rng.normal(size=(size, len(numeric))).round(7)
        table = pd.DataFrame(values, columns=numeric)
        for at in range(CATEGORIES):
            table[f"c{at}"] = rng.choice([f"kind {each}" for each in range(8)], size)
        if text:
            words = rng.choice(WORDS, (size, 9))
            table["note"] = [f"{' '.join(row)} {at}" for at, row in enumerate(words, start)]
        logits = np.tanh(values[:, :8]) @ weights + rng.gumbel(size=(size, 3))
        table["label"] = np.array(["low", "middle", "high"])[logits.argmax(axis=1)]
        table.to_csv(file, mode="a", header=start == 0, index=False)


def train_alone(file: Path) -> dict[str, float]:
    """Seconds to read, to scale and to train one trial without this project."""
    import keras
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    began = time.perf_counter()
    table = pd.read_csv(file)
    read = time.perf_counter()
    label = table.pop("label").astype("category").cat.codes
    features = pd.get_dummies(table, dtype="float32")
    train, rest, target, others = train_test_split(features, label, test_size=0.4, random_state=0)
    validation = rest.iloc[: len(rest) // 2]
    scaler = StandardScaler().fit(train)
    train, validation = (scaler.transform(each).astype("float32") for each in (train, validation))
    scaled = time.perf_counter()
    layers = [keras.layers.Dense(units, "relu") for units in (64, 32)]
    model = keras.Sequential([*layers, keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    valid = validation, others.iloc[: len(validation)]
    model.fit(train, target, batch_size=1024, epochs=5, validation_data=valid, verbose=0)
    trained = time.perf_counter()
    return {
        "read": round(read - began, 1),
        "scale": round(scaled - read, 1),
        "one_trial": round(trained - scaled, 1),
    }


if __name__ == "__main__":
    main()
