"""The paper's §5.2 and 5.3: best-of-N, beam search, lookahead and DVTS as generators for one question, and one of them
run over a table of questions. It imports common, estimators, grading and answers, and meets policies only as a
protocol.
"""
