"""What a study needs before it starts: a sentence for each thing that is missing. Nothing is fetched or loaded."""
