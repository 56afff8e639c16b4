"""The paper's §5.1 and App. D: Monte-Carlo rollouts and their labels, scores of a pool, first wrong steps; verifiers of
a known quality. It imports common, estimators, grading and answers; whose model samples or scores is the business of
engines.
"""
