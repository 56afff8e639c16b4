"""The transformers engine: any causal language model, slowly, which makes it the yardstick of the others; and PRMs that
exist already, read as they declare.
"""
