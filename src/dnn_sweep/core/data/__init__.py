"""Data: the schema of a table, its validation, splits, preprocessing and arrays."""
