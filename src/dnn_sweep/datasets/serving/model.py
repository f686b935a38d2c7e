"""The registered model: raw rows in, predictions out.

MLflow copies this file beside the network and runs the copy wherever the model is loaded
("models from code"). It therefore stands alone: it imports only what the model's requirements
list, and takes what turns raw columns into numbers from a file that is copied too.
"""

import json
import os
from base64 import b64decode
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel, PythonModelContext

BATCH = 1024  # rows per step; bounds the memory of a large request


class SweepModel(PythonModel):
    """Preprocessing, network and labels as one model."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the artifacts; none of them is a pickle."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import keras
        import skops.io

        artifacts = context.artifacts
        self.network = keras.saving.load_model(artifacts["network"], compile=False, safe_mode=True)
        self.preprocessor = skops.io.load(artifacts["preprocessor"], trusted=["numpy.dtype"])
        self.reading: Any = _module(artifacts["reading"])
        self.schema = json.loads(Path(artifacts["schema"]).read_text(encoding="utf-8"))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Predict raw rows, which have the columns of the model's signature.

        In place of its cells, a row may have an ``image``, as nested lists or as a PNG or JPEG
        file in Base64, or a ``sequence`` as nested lists, if that is what a row was in training.

        Returns:
            ``prediction``, the label or the number; for classes also ``probability_<class>``.

        Raises:
            MlflowException: If there are no rows, or a value has the wrong type; names column
                and row, and a server answers 400.
        """
        if model_input.empty:
            raise MlflowException.invalid_parameter_value("there are no rows to predict")
        model_input = self._flatten(model_input)
        columns = self.schema["columns"]
        try:
            rows = self.reading.read_features(model_input, columns, self.schema["missing"])
        except self.reading.UnreadableError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        scaled = np.asarray(self.preprocessor.transform(rows), dtype=np.float32)
        batches = (scaled[start : start + BATCH] for start in range(0, len(scaled), BATCH))
        outputs = np.concatenate([np.asarray(self.network(each)) for each in batches])
        labelled = self._label(outputs.astype(np.float64))
        return pd.DataFrame(labelled, index=model_input.index)

    def _flatten(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the cells of images or sequences as columns."""
        names = [each["name"] for each in self.schema["columns"]]
        rank, shape = self.schema["rank"], self.schema["shape"]
        read = {"image": _image, "sequence": _sequence}.get(rank)
        if read is None or rank not in rows or rows[rank].isna().all():
            missing = [name for name in names if name not in rows]
            if missing:
                known = f"the column {rank!r} or " if read else ""
                raise MlflowException.invalid_parameter_value(
                    f"rows must have {known}the columns {names[0]} to {names[-1]}; "
                    f"missing: {', '.join(missing[:5])}"
                )
            return rows
        cells = []
        for row, value in rows[rank].items():
            try:
                cells.append(read(value, self.schema).ravel())
            except (OSError, TypeError, ValueError) as error:
                raise MlflowException.invalid_parameter_value(
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
