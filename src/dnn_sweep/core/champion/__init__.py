"""The champion: its choice, its metrics, what is registered, and the gate before the alias."""
