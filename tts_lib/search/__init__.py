"""The paper's §5.2 and 5.3: one search of a question, step by step, to which beam search, lookahead and DVTS give its
shape, and that search run over a table of questions. It imports common, estimators, grading and answers, and meets
policies only as a protocol.
"""
