"""Where questions come from: the nano world and its exact step checks, and files of questions (`files/`). It imports
common and grading, whose reading of an answer both kinds share; it needs no model.
"""
