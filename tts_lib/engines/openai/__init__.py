"""The OpenAI engine: samples from a completion server that somebody runs already (vLLM, SGLang, llama.cpp, ...)."""
