"""The mathematics, arrays in and numbers with intervals out: pass@k and votes over all subsets of a pool, selection,
difficulty, the quality of scores, FLOPs, iso-accuracy and worth in samples, the bootstrap. It imports no other room
and touches no file, so that each formula can be held against enumeration.
"""
