"""Questions in files: rows of JSON, CSV and Parquet, their fields, and their split into training, validation and test
questions.
"""
