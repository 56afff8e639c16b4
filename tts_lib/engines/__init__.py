"""Who answers: the native engine, transformers, vLLM, a completion server, and any of them over Ray workers, each
behind the protocols of answers. It imports common, answers and models. `opening` is the door: it loads the engine that
params.yaml names and no other.
"""
