"""Samples that exist already: read, checked, joined to their questions, graded, in place of all that a study would
sample. It imports common, estimators, grading, questions and answers.
"""
