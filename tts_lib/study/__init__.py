"""What a study is, the schema of params.yaml (`config/`), and what runs one of its notebooks. It imports common and,
for the schema of fine-tuning, training/settings.
"""
