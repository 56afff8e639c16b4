"""vLLM behind the protocols: any model that it serves, on GPUs or a CPU."""
