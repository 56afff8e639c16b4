"""Any engine in several Ray workers: the questions of a call are shared out among them, and each sample is the same for
any number of them.
"""
