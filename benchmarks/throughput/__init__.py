"""Engines against each other on a model of a study; see `__main__`."""
