"""Code for another instruction set than the processor's own: the environment that asks for it."""

import os
from collections.abc import Mapping

# What it takes was found by measuring products on one thread of a processor with AVX-512, which
# halves their rate. YNNPACK, which multiplies matrices in XLA, cannot be limited and is left out.
XLA_FLAGS = {"avx2": "--xla_cpu_max_isa=AVX2 --xla_cpu_experimental_ynn_fusion_type="}
VARIABLES = {
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",  # products in TensorFlow, and then in XLA
        "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",  # NumPy and scikit-learn
    }
}
OUR_FLAG = "--xla_cpu_multi_thread_eigen=false"  # what dnn-sweep sets unless flags are given


def environment(isa: str | None, *, ours: bool) -> Mapping[str, str] | None:
    """The environment of a process that runs code of an instruction set; ``None`` without one.

    Args:
        isa: Such as ``avx2``.
        ours: Whether dnn-sweep runs in it, whose own flags for XLA would be replaced.
    """
    if isa is None:
        return None
    flags = f"{OUR_FLAG} {XLA_FLAGS[isa]}" if ours else XLA_FLAGS[isa]
    return {**os.environ, **VARIABLES[isa], "XLA_FLAGS": flags}
