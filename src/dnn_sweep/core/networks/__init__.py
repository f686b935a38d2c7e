"""Networks: their description, how Keras builds them, and the names that Keras knows."""
