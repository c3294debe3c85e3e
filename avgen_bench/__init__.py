"""avgen-bench: how good text-to-audio-video clips look and sound, what they mean, and whether they obey.

>>> import avgen_bench
>>> report = avgen_bench.score("clips", out="run")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from avgen_bench import aliases as _aliases

__version__ = "0.1.0"
__all__ = ["__version__", "read_report", "score"]


def score(clips: Any, out: Any, **options: Any) -> dict[str, Any]:
    """The report of a folder or manifest of clips; see :func:`avgen_bench.runner.score`."""
    from avgen_bench.runner import score as run

    return run(clips, out, **options)


def read_report(out: Any, **options: Any) -> dict[str, Any]:
    """The report of an earlier run, rebuilt from its store; see :func:`avgen_bench.run_folder.read_report`."""
    from avgen_bench.run_folder import read_report as read

    return read(out, **options)


_aliases.install()
