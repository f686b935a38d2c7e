"""The engine that trains many small networks in one compiled program.

``docs/how-it-works.md`` ("Engines") explains the idea. Read the files in this order:

1. ``spec``: what trials must have in common to share a program, and why a trial cannot.
2. ``forward``: the forward pass of a stack of networks.
3. ``optimizer``: Keras's optimizers, each updating its block of lanes.
4. ``rows``: the rows on the device, and which of them belong to each lane's fold.
5. ``epoch``: an epoch of all that as one compiled program; its heart is ``_train_step``.
6. ``cohort`` (with ``lane``): trials take a lane, train and leave when their callbacks say so.
7. ``engine`` and its ``scheduler`` (with ``queues``, ``waiting``, ``programs``): who trains with
   whom, a thread each, and what becomes of what does not fit into memory.

A *lane* is a network's place in the stack, the leading axis of every tensor. A *cohort* is the
trials that train together. A *block* is the lanes that one optimizer updates.
"""

from dnn_sweep.core.training.stacked.engine import StackedEngine
from dnn_sweep.core.training.stacked.queues import Varied

__all__ = ["StackedEngine", "Varied"]
