"""The fitted choice put to use: any of its strategies built from what the table says (`building`), a question answered
by it (`answering`), and a server of many at once (`live`, `app`). It may import any room, as the commands may.
"""
