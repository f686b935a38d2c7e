"""The engine that trains many small networks in one compiled program.

``docs/how-it-works.md`` ("Engines") tells the idea. The files, in an order to read them in:

1. ``structure``: what trials must have in common, and what keeps one out.
2. ``network``, ``activations``, ``dropout``: the forward pass of a stack.
3. ``optimizer``: Keras's optimizers as functions of their state, each for its section of seats
   (``Section`` and ``Group``, which name what trials share, are in ``board``).
4. ``program``, with ``rows`` and ``measuring``: an epoch of all that as one compiled program.
   The heart is ``Program._train_step``. ``validation``: another program, for all optimizers.
5. ``seat``: one trial and its Keras callbacks, between epochs.
6. ``cohort``: the seats of a program; trials sit down, train and leave.
7. ``sizing``, ``board``, ``programs``: how many train together, who waits, what is compiled.
8. ``sweep``: a thread a core, each with a cohort, and one stream of results.
9. ``engine``: the interface to the rest.

Everywhere the leading axis of a tensor is the seat.
"""

from dnn_sweep.core.training.stacked.engine import StackedEngine

__all__ = ["StackedEngine"]
