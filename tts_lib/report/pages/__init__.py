"""The pages a reader opens, `python -m tts_lib.report.pages`: notebooks and index as HTML that carries everything it
shows and runs no script.
"""
