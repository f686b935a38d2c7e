"""The plan: from the grid to trials with their ids."""
