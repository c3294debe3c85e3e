"""The 13 published totals of AVGen-Bench, reproduced; and what becomes of a total when a metric is missing.

    python benchmarks/published.py [--without NAME]

The first table recomputes each total from the published means. The allowance follows from the digits that were printed:
it is what the total may be over all means that would have been printed so. The second table takes one metric away from
one system after the other, and shows the total and rank that both rules then give it.
"""

from __future__ import annotations

import argparse

from avgen_bench import totals
from avgen_bench.published import load_published, reproduce


def main() -> int:
    """Print the tables; 1 if a total is not reproduced, or the order is not."""
    table, strict = totals.load_table("official-as-published"), totals.load_table("official")
    names = {metric.name: metric.dimension for metric in table.metrics}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--without", default="Lip", choices=names, metavar="NAME", help="metric of the second table")
    without = parser.parse_args().without
    rows = load_published()
    found = [reproduce(table, row) for row in rows]
    print(f"{'system':29}{'published':>10}{'computed':>10}{'difference':>12}  rounding allows")
    for one in found:
        span = f"{one.low:7.3f} to {one.high:.3f}  {'yes' if one.ok else 'NO'}"
        print(f"{one.row.system:29}{one.row.total:>10}{one.computed:10.3f}{one.difference:+12.3f}  {span}")
    published = [row.system for row in sorted(rows, key=lambda row: -float(row.total))]
    computed = [one.row.system for one in sorted(found, key=lambda one: -one.computed)]
    is_same = published == computed
    order = "the order is the same" if is_same else "the order is NOT the same"
    print(f"{sum(one.ok for one in found)} of {len(found)} reproduced; {order}")

    print(f"\nwithout {without}, one system at a time: its total, and its rank among the others, which keep {without}")
    print(f"{'system':29}{'with':>14}{'official':>16}{'as published':>16}")
    whole = {row.system: totals.total(table, row.means).score or 0.0 for row in rows}
    for row in rows:
        less = {name: value for name, value in row.means.items() if name != names[without]}
        cells = [whole[row.system]]
        cells += [totals.total(rule, less).score or 0.0 for rule in (strict, table)]
        ranks = [1 + sum(score > cell for name, score in whole.items() if name != row.system) for cell in cells]
        shown = "".join(
            f"{f'{cell:.2f} (#{rank})':>{width}}" for cell, rank, width in zip(cells, ranks, (14, 16, 16), strict=True)
        )
        print(f"{row.system:29}{shown}")
    doubt = totals.sensitivity(table, {row.system: row.means for row in rows})
    print("\nneighbours, and in how many of the weights drawn around the table their order holds")
    for pair in doubt["pairs"]:
        print(f"{pair['above']:>29} > {pair['below']:29}{100 * pair['holds']:6.1f} %")
    return 0 if is_same and all(one.ok for one in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
