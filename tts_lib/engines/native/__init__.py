"""The native engine: Llama models on a CPU, compiled by Numba, bit-identical for any batch, order and number of
threads.
"""
