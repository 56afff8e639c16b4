"""What a study will sample, read, train and store, how long that takes on this machine, and what is missing, before it
runs. It may import any room but report, since it adds up what each of them says of its own cost.
"""
