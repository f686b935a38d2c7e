"""A pydantic model as a JSON file."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro.utils import load_obj
from kedro_datasets._typing import JSONPreview
from pydantic import BaseModel, ValidationError

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.outputs import missing_output, write_atomically


class ModelJSONDataset(AbstractDataset[BaseModel, BaseModel]):
    """Saves a model as indented JSON; loading validates it.

    Args:
        model: Dotted path of the pydantic model's class.
        filepath: The JSON file.
        metadata: For plugins such as Kedro-Viz.
        written_by: The pipeline that saves it, for the error when it is missing.
    """

    def __init__(
        self,
        model: str,
        filepath: str,
        metadata: dict[str, Any] | None = None,
        written_by: str | None = None,
    ) -> None:
        self._model = model
        self._filepath = Path(filepath)
        self._written_by = written_by
        self.metadata = metadata

    def load(self) -> BaseModel:
        """Return the model.

        Raises:
            SweepError: When the file is missing, or is not one of this model.
        """
        if not self._exists():
            raise missing_output(self._filepath, self._written_by)
        try:
            return self._model_class().model_validate_json(self._filepath.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise SweepError(
                f"{self._filepath} does not hold a {self._model.rpartition('.')[2]}: "
                f"{place}: {first['msg']}. Delete it and run the pipeline that writes it again."
            ) from error

    def save(self, data: BaseModel) -> None:
        """Write the model, whole or not at all."""
        if not isinstance(data, self._model_class()):
            raise TypeError(f"expected a {self._model}, got a {type(data).__name__}")
        write_atomically(self._filepath, data.model_dump_json(indent=2).encode())

    def preview(self) -> JSONPreview:
        """Return the file's text for Kedro-Viz."""
        return JSONPreview(self._filepath.read_text(encoding="utf-8"))

    def _model_class(self) -> type[BaseModel]:
        model: type[BaseModel] = load_obj(self._model)
        return model

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "model": self._model}
