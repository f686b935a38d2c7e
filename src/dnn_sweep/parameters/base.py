"""What every group of parameters has in common."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["multiclass", "binary", "regression"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Parameters(BaseModel):
    """A group of parameters: immutable, and a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __str__(self) -> str:
        """As JSON: kedro-mlflow shows a group as its text among the sweep's parameters."""
        return self.model_dump_json()
