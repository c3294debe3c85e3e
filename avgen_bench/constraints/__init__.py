"""One file per theme: what a prompt can state exactly, as kinds of constraint that code can check.

Conventions
    A constraint is a flat row: ``id``, ``kind``, ``span`` (the words of the prompt that state it) and the parameters
    of its kind, which are columns of :data:`avgen_bench.constraints.base.COLUMNS`; a parameter that is absent is not
    stated. Every column has one meaning, type and unit whichever kind uses it. Windows are fractions of the clip,
    half open, because generators differ in how long their clips are; ``*_s`` are seconds. Each kind declares a strict
    and a loose tolerance, so that both rates can be reported, and says in one sentence how a clip is checked. What
    only a judge can see or hear is a question, not a constraint.
"""
