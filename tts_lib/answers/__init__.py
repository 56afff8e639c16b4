"""How a policy and a verifier are asked, what that costs and how it is kept: requests and protocols, tables of
questions, the scheduler, the ledger, pools, the sample store (`store/`). It imports common, estimators and grading. No
method and no engine appears here, so that either can be changed without the other.
"""
