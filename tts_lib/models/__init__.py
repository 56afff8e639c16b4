"""What a model is on disk: folders and checkpoints, tokenizers, vocabularies, prompts, and the Llama that the study
trains itself. It imports common and grading. Together with engines and training it is the only room that loads torch,
and most of its modules do not.
"""
