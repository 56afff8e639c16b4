"""The paper's §7: pretraining against test-time compute. Budgets of equal FLOPs, the large model, and tables of the
comparison.
"""
