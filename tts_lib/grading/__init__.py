"""Whether an answer is right, and which answers are equal: exactly for the nano benchmark, through normal forms and
readings for mathematical notation. It imports common alone; the questions come later and do not matter here.
"""
