"""One file per transport: from a question and views to a raw reply, kept verbatim.

A judge is only a voice. Which questions are asked, how replies are read, and what follows from them is decided
elsewhere; a judge says what it was told to look at, and sends it.
"""
