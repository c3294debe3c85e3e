"""What judges are asked, in which words, and how their replies are read.

Conventions
    An atom is a yes/no question with a false twin: yes to the one and no to the other is what a good clip earns. A
    reply is read against the menu that was offered; whatever cannot be read is no answer, never a no. Nothing that a
    prompt, a clip or a judge wrote reaches a judge but as quoted data, with every mark that chat templates reserve made
    harmless.
"""

from avgen_bench.questions.atoms import AUDIT, NATURALNESS, Atom, atoms_of
from avgen_bench.questions.reading import read
from avgen_bench.questions.wording import SYSTEM, ask_of, asks_of, neutral, quoted

__all__ = ["AUDIT", "NATURALNESS", "SYSTEM", "Atom", "ask_of", "asks_of", "atoms_of", "neutral", "quoted", "read"]
