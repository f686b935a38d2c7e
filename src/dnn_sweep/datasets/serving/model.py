"""The registered model: raw rows in, predictions out.

MLflow copies this file beside the network and runs the copy wherever the model is loaded
("models from code"). It therefore stands alone: it imports only what the model's requirements
list, and takes what turns raw columns into numbers from a file that is copied too.
"""

import json
import os
from base64 import b64decode
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel, PythonModelContext

BATCH = 1024  # rows per step; bounds the memory of a large request
SHOWN = 60  # characters of an unknown category in a note
# scikit-learn's own types that skops does not know: of gradient boosting, and of calibration.
TRUSTED = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]
SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"  # MLflow sets this variable in its server


class SweepModel(PythonModel):
    """Preprocessing, network (or a model of scikit-learn) and labels as one model."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the artifacts; none of them is a pickle."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import skops.io

        artifacts = context.artifacts
        if "baseline" in artifacts:
            self.baseline = skops.io.load(artifacts["baseline"], trusted=TRUSTED)
            self.network: Any = self._outputs_of_baseline
        else:
            import keras

            network = keras.saving.load_model(artifacts["network"], compile=False, safe_mode=True)
            self.network = network
        self.preprocessor = skops.io.load(artifacts["preprocessor"], trusted=["numpy.dtype"])
        self.reading: Any = _module(artifacts["reading"])
        self.schema = json.loads(Path(artifacts["schema"]).read_text(encoding="utf-8"))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,  # of `inputs` and `instances` lists and mappings
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Predict raw rows, which have the columns of training; further ones are ignored.

        Rows are a table, or what makes one: a list of rows by column, or columns by name.

        In place of its cells, a row may have an ``image``, as nested lists or as a PNG or JPEG
        file in Base64, or a ``sequence`` as nested lists, if that is what a row was in training.

        Returns:
            ``prediction``, the label or the number; for classes also ``probability_<class>``. If a
            row has a category that did not occur in training, also ``notes``, which say so (empty
            for the other rows).

        Raises:
            MlflowException: If there are no rows, a column is missing or there twice, or a value
                cannot be read or computed with; names column and row, and a server answers 400.
        """
        given = _table(model_input)
        if not len(given):
            raise _mistake("there are no rows to predict")
        self._refuse_shifted(given)
        given = self._flatten(given)
        index = given.index
        given.index = index if index.is_unique else pd.RangeIndex(len(given))
        columns = self.schema["columns"]
        try:
            rows = self.reading.read_features(given, columns, self.schema["missing"])
        except self.reading.UnreadableError as error:
            raise _mistake(str(error)) from error
        with np.errstate(over="ignore"):
            scaled = np.asarray(self.preprocessor.transform(rows)).astype(np.float32)
        for row, at in np.argwhere(~np.isfinite(scaled))[:1]:
            name = self.preprocessor.get_feature_names_out()[at].partition("__")[2]
            raise _mistake(f"column {name!r}, row {given.index[row]}: too large to compute with")
        batches = (scaled[start : start + BATCH] for start in range(0, len(scaled), BATCH))
        outputs = np.concatenate([np.asarray(self.network(each)) for each in batches])
        for row in np.flatnonzero(~np.isfinite(outputs).all(axis=1))[:1]:
            raise _mistake(f"row {given.index[row]}: its numbers are too large to compute with")
        labelled = self._label(outputs.astype(np.float64))
        return pd.DataFrame(labelled | self._note(rows), index=index)

    def _outputs_of_baseline(self, scaled: Any) -> Any:
        """What a network would return: a probability for each class, or the standardised target."""
        if self.schema["task"] == "regression":
            return self.baseline.predict(scaled)[:, np.newaxis]
        shares = np.zeros((len(scaled), len(self.schema["classes"])))
        shares[:, self.baseline.classes_.astype(int)] = self.baseline.predict_proba(scaled)
        return shares

    def _refuse_shifted(self, given: pd.DataFrame) -> None:
        """Refuse a CSV with more fields than names; pandas takes the first field for an index."""
        marks = [(each.get("decimal"), each.get("thousands")) for each in self.schema["columns"]]
        plain = isinstance(given.index, pd.RangeIndex)
        if "," not in chain(*marks):  # JSON may number the rows; where commas are usual, 0,5 may
            plain |= given.index.equals(pd.RangeIndex(len(given)))
        if not plain and os.environ.get(SERVING) == "true":
            raise _mistake(
                "rows must not have an index: in CSV, a row must not have more fields than the "
                'header (write decimal commas in quotes: "3,5"); in JSON, leave out "index"'
            )

    def _note(self, rows: pd.DataFrame) -> dict[str, Any]:
        """What to say of each row, if there is anything."""
        notes = np.full(len(rows), "", dtype=object)
        for column in self.schema["columns"]:
            if "values" not in column:
                continue
            values, known = rows[column["name"]], set(column["values"])
            for row in np.flatnonzero(~values.isin(known)):
                value = values.iloc[row]
                gap = value == self.reading.MISSING
                what = "a missing value" if gap else repr(value[:SHOWN])
                so_far = f"{notes[row]}; " if notes[row] else ""
                notes[row] = f"{so_far}{column['name']}: {what} did not occur in training"
        return {"notes": notes} if notes.any() else {}

    def _flatten(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the cells of images or sequences as columns."""
        names = [each["name"] for each in self.schema["columns"]]
        rank, shape = self.schema["rank"], self.schema["shape"]
        read = {"image": _image, "sequence": _sequence}.get(rank)
        if read is None or rank not in rows or rows[rank].isna().all():
            missing = [name for name in names if name not in rows]
            if missing:
                known = f"the column {rank!r} or " if read else ""
                spare = [str(name) for name in rows if name not in names]
                listed = [_with_nearest(name, spare) for name in missing[:5]]
                more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
                raise _mistake(
                    f"rows must have {known}the columns {names[0]} to {names[-1]}; "
                    f"missing: {', '.join(listed)}{more}"
                )
            return rows
        cells = []
        for row, value in rows[rank].items():
            try:
                cells.append(read(value, self.schema).ravel())
            except (OSError, TypeError, ValueError) as error:
                raise _mistake(
                    f"column {rank!r}, row {row}: {error}; "
                    f"expected a shape of {' by '.join(map(str, shape))}"
                ) from error
        return pd.DataFrame(np.stack(cells), index=rows.index, columns=names)

    def _label(self, outputs: Any) -> dict[str, Any]:
        if self.schema["task"] == "regression":
            scaling = self.schema["target_scaling"]
            return {"prediction": outputs[:, 0] * scaling["scale"] + scaling["mean"]}
        if outputs.shape[1] == 1:  # one sigmoid: the second class's probability
            outputs = np.hstack([1 - outputs, outputs])
        labels = pd.Series(self.schema["classes"])
        shares = {f"probability_{label}": outputs[:, i] for i, label in enumerate(labels)}
        positions, threshold = outputs.argmax(axis=1), self.schema["threshold"]
        if self.schema["task"] == "binary" and threshold != 0.5:
            positions = (outputs[:, 1] > threshold).astype(int)
        return {"prediction": labels.iloc[positions].to_numpy(), **shares}


def _mistake(message: str) -> MlflowException:
    """What a server answers with status 400."""
    mistake: MlflowException = MlflowException.invalid_parameter_value(message)
    return mistake


def _table(given: Any) -> pd.DataFrame:
    """Rows as a new table; what a request sends as ``inputs`` or ``instances`` is none yet."""
    try:
        if isinstance(given, dict):
            given = {k: list(each) if np.ndim(each) else [each] for k, each in given.items()}
        table = pd.DataFrame(given)
    except (TypeError, ValueError) as error:
        raise _mistake(f"the rows are no table: {error}") from error
    table = table.set_axis([str(name).strip() for name in table.columns], axis=1)
    if table.columns.has_duplicates:
        twice = table.columns[table.columns.duplicated()][0]
        raise _mistake(f"column {twice!r} is there twice")
    return table


def _with_nearest(name: str, others: list[str]) -> str:
    alike = {each.casefold(): each for each in others}
    close = get_close_matches(name.casefold(), alike, n=1)
    return f"{name!r} (is it {alike[close[0]]!r}?)" if close else repr(name)


def _image(value: Any, schema: dict[str, Any]) -> Any:
    """An image's pixels, from nested lists or from a file in Base64, which is resized."""
    height, width, channels = schema["shape"]
    if isinstance(value, str):
        if not schema["bytes"]:
            raise ValueError("in training pixels were no bytes as in a file; send nested lists")
        pixels = _read_file(value, width, height, channels)
    else:
        pixels = np.array([[np.asarray(cell) for cell in row] for row in value], dtype=float)
    allowed = [(height, width, channels)] + ([(height, width)] if channels == 1 else [])
    if pixels.shape not in allowed:
        raise ValueError(f"the image has the shape {' by '.join(map(str, pixels.shape))}")
    return pixels


def _read_file(text: str, width: int, height: int, channels: int) -> Any:
    """The pixels of a PNG or JPEG file in Base64, upright and resized as in training."""
    from PIL import Image, ImageOps  # required of models of images alone

    file = BytesIO(b64decode(text.partition("base64,")[2] or text, validate=True))
    try:
        image = ImageOps.exif_transpose(Image.open(file, formats=("PNG", "JPEG")))
        if image.mode.startswith("I"):  # 16 bits per pixel
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        image = image.convert("L" if channels == 1 else "RGB")
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def _sequence(value: Any, schema: dict[str, Any]) -> Any:
    """A sequence's last steps; missing ones are padded at the end, as in training."""
    steps, features = schema["shape"]
    given = np.array([np.asarray(step, dtype=float) for step in value][-steps:], dtype=float)
    if given.ndim != 2 or given.shape[1] != features:
        raise ValueError(f"the sequence has the shape {' by '.join(map(str, given.shape))}")
    if len(given) < steps and not schema["padded"]:
        raise ValueError(f"the sequence has {len(given)} steps, but none was as short in training")
    padding = np.full((steps - len(given), features), np.nan)
    return np.concatenate([given, padding])


def _module(path: str) -> ModuleType:
    """Run a file of Python, under no name, since two models may have different ones."""
    spec = spec_from_file_location("reading", path)
    if spec is None or spec.loader is None:
        raise MlflowException(f"{path} cannot be loaded")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mlflow.models.set_model(SweepModel())
