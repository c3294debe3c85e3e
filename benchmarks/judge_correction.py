"""How often the interval of a corrected rate covers the truth, for a judge that is right 80 % of the time.

    python benchmarks/judge_correction.py [--simulations 200]

Each simulation draws clips whose questions are true at a known rate, a judge that answers each rightly with the stated
probability, and a calibration set (or labels of people) to learn its errors from. ``raw`` is Wilson's interval of the
judge's own rate of yes; ``corrected`` is that of avgen_bench.correction.
"""

from __future__ import annotations

import argparse
import random
from typing import Any

from avgen_bench.correction import Counted, ppi_mean, rogan_gladen
from avgen_bench.statistics import wilson

RIGHT = 0.8


def _says(rng: random.Random, truth: bool, right: float) -> bool:
    return truth if rng.random() < right else not truth


def simulate(
    truth: float, simulations: int, right: float = RIGHT, n: int = 400, items: int = 100, seed: int = 5
) -> dict[str, Any]:
    """Shares of simulations whose interval covers the truth; ``items`` of known truth, half of either kind."""
    rng = random.Random(f"{seed} {truth} {right} {n} {items}")
    covered = {"raw": 0, "corrected": 0}
    widths = []
    for _ in range(simulations):
        yes = sum(_says(rng, rng.random() < truth, right) for _ in range(n))
        q1 = sum(_says(rng, True, right) for _ in range(items // 2))
        q0 = items // 2 - sum(_says(rng, False, right) for _ in range(items // 2))
        low, high = wilson(yes, n)
        covered["raw"] += low <= truth <= high
        found = rogan_gladen(Counted(yes, n), Counted(q1, items // 2), Counted(q0, items // 2))
        if found.ci_low is not None and found.ci_high is not None:
            covered["corrected"] += found.ci_low <= truth <= found.ci_high
            widths.append(found.ci_high - found.ci_low)
    return {
        "truth": truth,
        "n": n,
        "known": items,
        **{name: count / simulations for name, count in covered.items()},
        "width": sum(widths) / len(widths) if widths else None,
        "refused": simulations - len(widths),
    }


def simulate_people(
    truth: float, simulations: int, right: float = RIGHT, n: int = 400, labels: int = 60, seed: int = 5
) -> dict[str, Any]:
    """The same where people answered ``labels`` of the questions."""
    rng = random.Random(f"people {seed} {truth} {right} {n} {labels}")
    covered = {"raw": 0, "corrected": 0}
    widths = []
    for _ in range(simulations):
        people = [rng.random() < truth for _ in range(n)]
        judge = [_says(rng, answer, right) for answer in people]
        low, high = wilson(sum(judge), n)
        covered["raw"] += low <= truth <= high
        found = ppi_mean(
            [float(v) for v in judge[:labels]], [float(v) for v in people[:labels]], [float(v) for v in judge[labels:]]
        )
        if found.ci_low is not None and found.ci_high is not None:
            covered["corrected"] += found.ci_low <= truth <= found.ci_high
            widths.append(found.ci_high - found.ci_low)
    return {
        "truth": truth,
        "n": n,
        "known": labels,
        **{name: count / simulations for name, count in covered.items()},
        "width": sum(widths) / len(widths) if widths else None,
        "refused": simulations - len(widths),
    }


def main() -> int:
    """Print the table; exit 1 where a corrected interval covers less than 93 %, or a raw one of a far truth does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=200)
    count = parser.parse_args().simulations
    bad = False
    print(f"a judge that is right {RIGHT:.0%} of the time; {count} simulations a row; share that covers the truth")
    print(f"{'method':<12}{'truth':>7}{'answers':>9}{'known':>7}{'raw':>8}{'corrected':>11}{'width':>8}{'refused':>9}")
    for name, run, sizes in (
        ("Rogan-Gladen", simulate, (40, 100, 400)),
        ("people (PPI)", simulate_people, (30, 60, 150)),
    ):
        for truth in (0.1, 0.3, 0.5, 0.7, 0.9):
            for known in sizes:
                row = run(truth, count, RIGHT, 400, known)
                width = "-" if row["width"] is None else f"{row['width']:.3f}"
                print(
                    f"{name:<12}{truth:>7.2f}{row['n']:>9}{row['known']:>7}{row['raw']:>8.3f}{row['corrected']:>11.3f}"
                    f"{width:>8}{row['refused']:>9}"
                )
                bad = bad or row["corrected"] < 0.93 or (abs(truth - 0.5) >= 0.2 and row["raw"] >= 0.93)
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
