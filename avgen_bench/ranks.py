"""Which of several processes this is, from the environment that a launcher sets; imports nothing.

Conventions: a rank is a process's number among all, over every node; a local rank that among those of its node. The
launchers known are ``torchrun``, ``accelerate launch`` (both set ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``,
``LOCAL_WORLD_SIZE``) and ``avgen-bench score --launch N`` (``AVGEN_RANK``, ``AVGEN_RANKS``, all on one node). What is
no number counts as not there.
"""

from __future__ import annotations

import os

__all__ = ["count", "count_here", "is_ours", "leads", "rank", "rank_here"]


def _number(default: int, *names: str) -> int:
    for name in names:
        text = os.environ.get(name, "")
        if text.isdecimal() and len(text) <= 6:
            return int(text)
    return default


def is_ours() -> bool:
    """Whether ``avgen-bench score --launch`` started this process."""
    return "AVGEN_RANK" in os.environ


def count() -> int:
    """How many processes there are over all nodes; 1 without a launcher."""
    return max(1, _number(1, "AVGEN_RANKS") if is_ours() else _number(1, "WORLD_SIZE"))


def rank() -> int:
    """The number of this process, 0 to ``count() - 1``."""
    return _number(0, "AVGEN_RANK") if is_ours() else (_number(0, "RANK") if count() > 1 else 0)


def count_here() -> int:
    """How many of them run on this node."""
    return count() if is_ours() else min(count(), max(1, _number(1, "LOCAL_WORLD_SIZE")))


def rank_here() -> int:
    """The number of this process on its node: that of its device, where each has one."""
    return rank() if is_ours() else (_number(0, "LOCAL_RANK") if count() > 1 else 0)


def leads() -> bool:
    """Whether this is the process that prints, and writes the run folder."""
    return rank() == 0
