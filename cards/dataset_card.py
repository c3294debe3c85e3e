"""The dataset card, from the facts that the builder gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avgen_bench.cards.render import front_block, template

from avgen_bench.constraints.base import COLUMNS, KindFacts, kind_of, kinds
from avgen_bench.model_card import TASKS

__all__ = ["front_matter", "render"]

_MEANINGS = {
    "id": "stable name; the clip of the prompt is `<id>.mp4`",
    "text": "the prompt, to be given to a generator unchanged",
    "title": "a few words for people",
    "category": "one of the eleven categories",
    "language": "language of the text (ISO 639)",
    "duration_s": "the length that the clip wants, in seconds: a hint, not a demand",
    "constraints": "what the text states exactly and code can check: `id`, `kind`, `span` (the words that state it, "
    "verbatim in `text`) and the parameters of the kind; a parameter that is null is not stated",
    "questions": "atomic yes/no questions for a judge, right answer yes; `twin` is the false twin, right answer no; "
    "`after` names questions that must be yes first; `modality` is what the judge must be given",
    "expectations": "what the world must do (`observe`), what would contradict it, and how grave that is",
    "ladder": "place on a control ladder: `group`, `dial`, the asked `amount` in `unit`, `rung`; null outside ladders",
    "source": "where the prompt comes from",
    "license": "its licence",
    "verification": "every recorded look: `type` (review, change, sign_off), `by`, `date`, `checks`, `note`, and the "
    "`digest` of the prompt as it stood then",
}


def front_matter(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML block: licence, tags, ``configs`` and ``dataset_info`` with the features of every configuration."""
    return {
        "pretty_name": "avgen-bench",
        "license": "cc-by-4.0",
        "language": ["en"],
        "task_categories": ["text-to-video", "text-to-audio"],
        "tags": ["text-to-audio-video", "benchmark", "evaluation", "audio-visual"],
        "size_categories": ["n<1K"],
        "configs": [
            {
                "config_name": name,
                **({"default": True} if name == "default" else {}),
                "data_files": [{"split": "test", "path": f"data/{name}-test.parquet"}],
            }
            for name in facts["configs"]
        ],
        # the sizes also let datasets see, from the card alone, that the data have changed
        "dataset_info": [
            {
                "config_name": name,
                "features": facts["features"],
                "splits": [{"name": "test", "num_bytes": config["bytes"], "num_examples": config["rows"]}],
            }
            for name, config in facts["configs"].items()
        ],
    }


def _parameters(facts: KindFacts) -> str:
    parts = [f"`{name}`" for name in facts.required]
    parts += [f"*`{name}`*" for name in facts.optional]
    return ", ".join(parts)


def _tolerance(facts: KindFacts) -> str:
    tolerance = facts.tolerance
    return "" if tolerance is None else f"{tolerance.strict:g} / {tolerance.loose:g} {tolerance.unit}"


def render(facts: Mapping[str, Any]) -> str:
    """The text of ``README.md``: front matter and body.

    Args:
        facts: ``version``, ``counts`` (of :func:`avgen_bench.builders.census.census`), ``configs`` (rows and digest of
            each), ``features``, ``fields``, ``threshold``, ``rules``, ``example``.
    """
    every = [kind_of(name).facts for name in kinds()]
    body = template("dataset.md.j2").render(
        **facts,
        kinds=[
            {
                "kind": item.kind,
                "theme": item.theme,
                "summary": item.summary,
                "check": item.check,
                "parameters": _parameters(item),
                "tolerance": _tolerance(item),
                "count": facts["counts"]["kinds"].get(item.kind, 0),
            }
            for item in every
        ],
        columns=COLUMNS,
        meanings=_MEANINGS,
        tasks=TASKS,
    )
    return front_block(front_matter(facts)) + body
