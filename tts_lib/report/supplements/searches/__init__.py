"""From which verifier on does a search pay? Searches guided by verifiers of known quality, the trained PRM among them.

A rung of the ladder is a verifier: perfect values from rollouts, misjudgements of them that are calibrated all the
same, the PRM's scores shuffled among siblings, the PRM. A rung guides a search and chooses among what it finds, and the
search is compared with best-of-N weighted by the same rung; the two are varied apart for the PRM and perfect values.
Perfect values cost what their rollouts cost, and come from the right answers: they are a yardstick and no result. So
FLOPs are counted as if every rung were read off by the PRM, and rollouts beside them.
"""
