"""dnn-sweep: which activation and which optimizer train the best network on your data."""

__version__ = "0.1.0"
