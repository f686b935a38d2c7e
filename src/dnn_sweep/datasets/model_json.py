"""A pydantic model as a JSON file."""

from kedro.utils import load_obj
from kedro_datasets._typing import JSONPreview
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import OutputDataset, write_atomically


class ModelJSONDataset(OutputDataset[BaseModel]):
    """Saves a model as indented JSON; loading validates it. NaN and infinity survive.

    Args:
        model: Dotted path of the pydantic model's class.
        optional: Whether a model without content stands for a missing file.

    >>> dataset = ModelJSONDataset("schema.json", "dnn_sweep.core.data.schema.Schema")
    >>> dataset.save(schema)
    >>> dataset.load() == schema
    True
    """

    model: str
    optional: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._written: bytes | None = None
        self._saved: BaseModel | None = None

    def load(self) -> BaseModel:
        """Return the model.

        Raises:
            SweepError: If the file is missing or does not hold this model.
        """
        if self.optional and not self._filepath.exists():
            return self._model_class()()
        self._require()
        try:
            return self._model_class().model_validate_json(self._filepath.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise SweepError(
                f"{self._filepath} does not hold a {self.model.rpartition('.')[2]}: "
                f"{place}: {first['msg']}. Delete it and run the pipeline that writes it again."
            ) from error

    def save(self, data: BaseModel) -> None:
        """Write the model, whole or not at all."""
        if data is self._saved and self._filepath.exists():
            return  # unchanged since, as models are: to write a long one again takes time
        if not isinstance(data, self._model_class()):
            raise TypeError(f"expected a {self.model}, got a {type(data).__name__}")
        content = to_json(data.model_dump(), indent=2, inf_nan_mode="constants")
        # A node that saves piece by piece may save the same thing many times.
        if content != self._written or not self._filepath.exists():
            write_atomically(self._filepath, content)
            self._written = content
        self._saved = data

    def preview(self) -> JSONPreview:
        """Return the file's text for Kedro-Viz."""
        return JSONPreview(self._filepath.read_text(encoding="utf-8"))

    def _exists(self) -> bool:
        return self.optional or super()._exists()

    def _model_class(self) -> type[BaseModel]:
        model: type[BaseModel] = load_obj(self.model)
        return model
