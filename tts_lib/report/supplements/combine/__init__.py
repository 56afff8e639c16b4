"""Both mechanisms in one solution, beside a study: where the next attempt begins and what it sees, who is revised, and
what is told of them.
"""
