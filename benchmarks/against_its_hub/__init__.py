"""Our searches against those of its_hub; see `__main__`."""
