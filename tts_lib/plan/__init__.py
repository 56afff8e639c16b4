"""What a study will sample, read, train and store, before it runs. It may import any room but report, since it adds up
what each of them says of its own cost.
"""
