"""What is shown: the paper's claims, judged (`claims/`), its figures, redrawn (`figures/`), the pages a reader opens
(`pages/`). It imports the rooms whose tables it reads (estimators, grading, revisions, strategies), plots and study,
and no model or engine.
"""
