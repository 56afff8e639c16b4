"""The schema of params.yaml, a module for each part of it, and how it is read."""
