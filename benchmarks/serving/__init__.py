"""A server of a study's fitted choice, measured; see `__main__`."""
