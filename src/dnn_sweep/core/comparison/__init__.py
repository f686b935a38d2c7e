"""Comparison of the combinations on the validation rows.

``scores`` and ``predictions`` evaluate each trial row by row; ``intervals`` holds the bootstrap;
``tied_set`` compares every combination with the best, ``holm`` tests the same over seeds;
``rank_stability`` resamples the ranks; ``leaderboard`` puts all of it into one table, ``summary``
into sentences; ``time_to_target`` asks how soon a trial is good enough.
"""
