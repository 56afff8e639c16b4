"""Questions about the world in English: chains of facts, one sentence a hop.

It is the nano benchmark's idea with the world as the map. `world` has the facts, `questions` asks about them, and
`checking` says of any sentence of a solution whether it is true.
`python -m tts_lib.questions.facts FOLDER` writes the files.
"""
