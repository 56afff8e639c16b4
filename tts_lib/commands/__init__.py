"""The command line, `tts` or `python -m tts_lib.commands`: make a study, run it, plan it, verify it, open it in Lab. It
may import any room, since it starts what they do; nothing imports it, and it computes nothing itself.
"""
