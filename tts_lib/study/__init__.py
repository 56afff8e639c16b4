"""What a study is, the schema of params.yaml (`config/`), what runs one of its notebooks, and a study opened again to
ask its models (`asking`). But for the last it imports common and, for the schema of fine-tuning, training/settings.
"""
