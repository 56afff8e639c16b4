"""How a tidy table is drawn: colours, marks and axes of the whole project in one place. It imports common alone, knows
no study, and is handed an Axes.
"""
