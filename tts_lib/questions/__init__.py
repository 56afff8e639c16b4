"""Where questions come from: the nano world and its exact step checks (`nano/`), chains of facts (`facts/`), files
(`files/`). It imports common and grading, whose reading of an answer all kinds share; it needs no model.
"""
