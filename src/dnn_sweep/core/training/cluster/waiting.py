"""Tasks that wait for a worker, by the compiled program that they need."""

from collections import Counter, deque
from collections.abc import Collection, Hashable, Sequence

from dnn_sweep.core.training.cluster.task import Task


class Waiting:
    """The positions of tasks that no worker has.

    >>> waiting = Waiting([])
    >>> len(waiting), waiting.take(known=set())
    (0, None)
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._program_of: list[Hashable] = [each.program for each in tasks]
        self._by_program: dict[Hashable, deque[int]] = {}
        for position, program in enumerate(self._program_of):
            self._by_program.setdefault(program, deque()).append(position)
        self._taken = Counter[Hashable]()

    def __len__(self) -> int:
        return sum(map(len, self._by_program.values()))

    def program_of(self, position: int) -> Hashable:
        """The program that a task needs."""
        return self._program_of[position]

    def take(self, known: Collection[Hashable]) -> int | None:
        """Take a task for a worker that has compiled some programs; ``None`` if none waits.

        A program that it has comes first, then one that the fewest workers use.
        """
        waiting = [each for each, own in self._by_program.items() if own]
        if not waiting:
            return None
        program = min(
            waiting,
            key=lambda p: (p not in known, self._taken[p], -len(self._by_program[p])),
        )
        self._taken[program] += 1
        return self._by_program[program].popleft()

    def done(self, position: int) -> None:
        """A task that was taken has ended."""
        self._taken[self._program_of[position]] -= 1

    def put_back(self, position: int) -> None:
        """A task that was taken is to be trained by another worker, next."""
        self.done(position)
        self._by_program[self._program_of[position]].appendleft(position)
