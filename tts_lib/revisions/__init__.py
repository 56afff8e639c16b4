"""The paper's §6: trajectories to learn from, chains of attempts, the verifier that reads them, every split of a budget
into sequential and parallel. It imports common, estimators, grading and answers, and meets policies only as a protocol.
"""
