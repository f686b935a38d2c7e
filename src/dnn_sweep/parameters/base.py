"""The base of every group of parameters."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

Task = Literal["multiclass", "binary", "regression"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]


MOST_LISTED = 40  # spellings in one message


def listed(given: object, allowed: Iterable[object]) -> str:
    """Say which spellings are allowed, the nearest one first.

    >>> listed("ccn", ["dense", "cnn"])
    " Did you mean 'cnn'? Allowed: dense, cnn."
    """
    spellings = [str(each) for each in allowed]
    lowered = {each.lower(): each for each in spellings}
    close = get_close_matches(str(given).lower(), lowered, n=1, cutoff=0.5)
    hint = f" Did you mean {lowered[close[0]]!r}?" if close else ""
    shown = ", ".join(spellings[:MOST_LISTED])
    more = ", …" if len(spellings) > MOST_LISTED else ""
    return f"{hint} Allowed: {shown}{more}."


class Parameters(BaseModel):
    """A group of parameters: immutable, without undeclared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __str__(self) -> str:
        """Write as JSON, which kedro-mlflow logs as the sweep's parameter."""
        return self.model_dump_json()

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_is_allowed(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Name the nearest spelling of an unknown key or choice of this group."""
        try:
            return handler(given)
        except ValidationError as error:
            found = [_with_hint(cls, each) for each in error.errors()]
            raise ValidationError.from_exception_data(cls.__name__, found) from None


def _with_hint(group: type[Parameters], error: Any) -> InitErrorDetails:
    """Repeat an error of validation, with the allowed spellings where they are known."""
    kind, place, given = error["type"], error["loc"], error["input"]
    said = error["msg"]
    if kind == "extra_forbidden" and len(place) == 1:
        said += f": unknown key {place[0]!r}.{listed(place[0], group.model_fields)}"
    elif kind == "literal_error" and len(place) == 1:
        choices = get_args(group.model_fields[str(place[0])].annotation)
        said = f"{given!r} is unknown.{listed(given, map(str, choices))}"
    return InitErrorDetails(type=PydanticCustomError(kind, said), loc=place, input=given)
