"""GGUF files, llama.cpp's format, as Hugging Face folders: `convert` does it, the other files each read one part."""
