"""What any budget buys: the numbers of a study in one record, looked up by a page with a script of its own and, in the
same way, by a notebook.
"""
