"""Comparison of the combinations on the validation rows.

``scores`` evaluates each trial row by row, ``intervals`` holds the bootstrap, ``tied_set`` and
``holm`` compare every combination with the best, ``leaderboard`` joins all of it into one table.
"""
