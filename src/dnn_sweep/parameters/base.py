"""The base of every group of parameters."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["multiclass", "binary", "regression"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Parameters(BaseModel):
    """A group of parameters: immutable, without undeclared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __str__(self) -> str:
        """Write as JSON, which kedro-mlflow logs as the sweep's parameter."""
        return self.model_dump_json()
