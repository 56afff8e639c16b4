"""The paper's §3.1, 3.2, 5.3 and 6.2: what each strategy attains and costs, difficulty bins, the compute-optimal choice
with its controls, tidy tables of it (`tables/`), and §7, the exchange of pretraining for test-time compute
(`exchange/`); budgets per question (`stopping/`), difficulty before the first sample, rounds of self-improvement. It
imports common, estimators, grading and answers; it reads tables, so that new budgets cost no sample.
"""
