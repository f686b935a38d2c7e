"""Comparison: scores, intervals, tests that hold for many combinations, the leaderboard."""
