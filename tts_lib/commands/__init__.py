"""The command line, `tts` or `python -m tts_lib.commands`: make a study, run it, plan it, verify it, open it in Lab,
serve it (`serving/`). It may import any room, since it starts what they do; nothing imports it, and no stage depends on
it.
"""
