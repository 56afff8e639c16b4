"""What every room stands on: where the files of a study lie, how they are written (atomically, byte for byte the same),
what a seed is, what an error says, what an example for training holds, what a strategy is called. It imports no other
room, since all others import it.
"""
