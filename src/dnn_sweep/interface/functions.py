"""A user's function that builds the network, as a module that worker processes can import."""

import dis
import hashlib
import importlib
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from dnn_sweep.core.errors import SweepError

LOADS = ("LOAD_GLOBAL", "LOAD_NAME")  # in a function, and outside of one
PLAIN = (int, float, str, bool, tuple, type(None))


def name_of(function: Callable[..., Any], folder: Path) -> str:
    """Name a function as ``network.function`` does: ``module:function``.

    A function of a notebook or a script is written to a module in the folder, with the imports,
    constants and functions that it uses.

    Raises:
        SweepError: If it has no source, or uses something that cannot be written so.
    """
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise SweepError(f"network: {function!r} is neither a kind of network nor a function")
    if function.__module__ != "__main__" and function.__qualname__ == function.__name__:
        return f"{function.__module__}:{function.__name__}"
    if function.__code__.co_freevars:
        listed = ", ".join(function.__code__.co_freevars)
        raise SweepError(
            f"network: {function.__name__} uses {listed} of the function around it; make it a "
            "function of its own"
        )
    parts: dict[str, str] = {}
    _collect(function, parts)
    source = "\n\n".join(parts.values()) + "\n"
    module = f"network_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    importlib.invalidate_caches()
    return f"{module}:{function.__name__}"


def _collect(function: FunctionType, parts: dict[str, str]) -> None:
    """Add a function's source, behind that of everything it uses."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except OSError:
        raise SweepError(
            f"network: the source of {function.__name__} cannot be found; write it to a module "
            "and import it from there"
        ) from None
    used = _names_in(compile(source, "<source>", "exec", dont_inherit=True))
    own = function.__name__
    parts.setdefault(own, "")
    for name in sorted(used & function.__globals__.keys() - parts.keys()):
        value = function.__globals__[name]
        home = getattr(value, "__module__", None)
        if isinstance(value, ModuleType):
            parts[name] = f"import {value.__name__} as {name}"
        elif isinstance(value, FunctionType) and home == function.__module__:
            _collect(value, parts)
        elif isinstance(value, PLAIN):
            parts[name] = f"{name} = {value!r}"
        elif home and home != "__main__" and hasattr(value, "__name__"):
            parts[name] = f"from {home} import {value.__name__} as {name}"
        else:
            raise SweepError(
                f"network: {own} uses {name}, which is not a module, a function or a constant; "
                "write both to a module and import the function from there"
            )
    parts[own] = source.strip()
    parts[own] = parts.pop(own)  # behind what it uses


def _names_in(code: CodeType) -> set[str]:
    """Names that the code looks up in its module; variables of a function are none of these."""
    names = {each.argval for each in dis.get_instructions(code) if each.opname in LOADS}
    return names.union(*(_names_in(each) for each in code.co_consts if isinstance(each, CodeType)))
