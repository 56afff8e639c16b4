"""How policies and verifiers are trained: Llama models from scratch, fine-tuning of checkpoints, adapters, all of them
resumable to the bit. It imports common, answers, models and verifiers, whose labels it learns from.
"""
