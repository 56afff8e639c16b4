"""How policies and verifiers are trained: Llama models from scratch, fine-tuning of checkpoints, adapters, all of them
resumable to the bit; teachers, who say what a model learns of its own samples. It imports common, estimators, grading,
answers, models and verifiers, whose labels it learns from.
"""
