"""The card of a judge, from its passport: who was examined, every rate with its interval, and what follows."""

from __future__ import annotations

from avgen_bench.cards.render import template

from avgen_bench import passport as passports

__all__ = ["render"]


def render(passport: passports.Passport) -> str:
    """Markdown about one judge; what it and its server say of themselves is escaped."""
    return template("passport.md.j2").render(
        passport=passport,
        versions=", ".join(passport.versions) or "a version that its replies do not name",
        rates=[
            {"name": name, "means": means, **_rate(passport.rates[name])} for name, means in passports.RATES.items()
        ],
        fitness={name: passports.fitness(passport, name) for name in ("picture", "sound", "both")},
        faults=passports.faults(passport),
        lifetime_days=passports.LIFETIME_DAYS,
    )


def _rate(rate: passports.Rate) -> dict[str, str]:
    if rate.value is None:
        return {"value": "none", "interval": "none", "of": str(rate.of)}
    return {"value": f"{rate.value:.2f}", "interval": f"{rate.low:.2f} to {rate.high:.2f}", "of": str(rate.of)}
