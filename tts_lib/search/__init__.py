"""The paper's §5.2 and 5.3, and searches since: one search of a question, step by step, in which beam search,
lookahead, DVTS, REBASE and the particle filter differ by the rule that deals its slots; a tree over whole
solutions; and any of them run over a table of questions. It imports common, estimators, grading and answers,
and meets policies only as a protocol.
"""
