"""One file per dimension: its facts, what it needs, and a pure ``measure``.

Conventions
    What a text-to-audio-video clip must have and lacks (a picture, motion, sound) is ``ok`` at the floor, whether a
    prompt demands it or there is no prompt: a model cannot win by leaving out. ``Prompt.demands_sound`` changes the
    reason's words, so that a reader sees whose demand it was. ``abstained`` is for what the instrument cannot tell;
    ``not_applicable`` could follow only from a prompt, and no perceptual dimension uses it.
"""
