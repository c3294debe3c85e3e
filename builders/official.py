"""Imports the prompts of microsoft/AVGen-Bench into this schema, as the configuration ``official``.

Reads ``prompts/<category>.json`` (lists of objects with ``content``, the title, and ``prompt``) and, where a checkout
has them, the face labels of ``eval/facial_consistency/prompts_expected_faces/<category>.expected_faces.json``
(``primary_faces`` with ``min_ids`` and ``max_ids``). Titles and texts stay byte-identical. Constraints come from
fixed rules over the text, each with the words that state it: quoted words next to words for writing or for speaking,
named notes, chords and scales, shot lists, and the face labels. What looks like a demand and no rule can type is
listed, never guessed. Nothing of the official text is part of this package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avgen_bench.builders import schema, validators

from avgen_bench.errors import InputError, ManifestError
from avgen_bench.prompts import parse_prompt
from avgen_bench.types import Prompt

__all__ = ["PINNED", "REVISION", "Imported", "extract", "read_checkout", "run", "write"]

REPOSITORY = "microsoft/AVGen-Bench"
REVISION = "1049eabac472d479fe5feeb1ee202961f8e0982a"
# sha256 of each prompts/<category>.json at REVISION: the digest decides, wherever the files were taken from.
PINNED = {
    "ads": "97a2ef8d5c9038f620c88e4b4e29f1397123ba6b80625094bcf05742f45c7605",
    "animals": "7cdc73742f3f9f01b9a7826fb77c56c0f7f69eef4063c928c3c57782fbd5c640",
    "asmr": "ad194ee510cf80c7444cb1e092950b9eb2814ec1fdf76ae0f8ca698a08fd73d9",
    "chemical_reaction": "9c20b2d481bae75230a89d9c3f4ab62d2c8e98307e9befb49b64d32e4850a662",
    "cooking": "62996c8ea1a1a3af13f1c380c1f326eda19fccdce335b0c92c96bc09db27ab26",
    "gameplays": "7e8b9a646e12f8f19159f497a79e5854163035eeaec81c56b5ad28fb04c9f2b4",
    "movie_trailer": "c4a3d8f6f836d5a65d688dee175f4d4b5f3a12f1ebe990845fac1362cd31036d",
    "musical_instrument_tutorial": "e138f017d6dfc5c77c8424796d70552daaba2b9f6ae125c5289d29d098f63d54",
    "news": "a2766c5ded55133ff177b36136ab79ad28ece90e27e40ea140149b9b28f42e4d",
    "physical_experiment": "e6ce7ba9018fedd8bf1dfc3afb129eb13091dcfe98cc8a1e80d0d2676fb0c1da",
    "sports": "2f04007b151085940d2734ab089c75762d19a6f11f340e267074d0d1db9f63c8",
}
_LABELS = Path("eval/facial_consistency/prompts_expected_faces")
_PROMPT_FILE_LIMIT = 16 * 2**20

_DOUBLE = re.compile(r"[\"\u201c]([^\"\u201c\u201d]+)[\"\u201d]")
_SINGLE = re.compile(r"(?<!\w)['\u2018]((?:[^'\u2018\u2019]|(?<=\w)['\u2019](?=\w))+)['\u2019](?!\w)")
_SPOKEN = re.compile(
    r"\b(?:says?|saying|said|states?|stating|whispers?|shouts?|yells?|calls?|calling|cries|asks?|asking|replies|adds?|"
    r"announces?|announcing|warns?|mutters?|murmurs?|narrates?|narrator|narration|voice-?overs?|voice|commentator|comments?|"
    r"exclaims?|explains?|speaks?|finishes|continues|concludes|jokes?|orders?|instructs?|chants?|counts?|intercom|radio)\b",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"\b(?:texts?|reads?|reading|titles?|captions?|signs?|labels?|labell?ed|graphics?|cards?|overla(?:y|ys|id)|words?|"
    r"banners?|screens?|displays?|displaying|logos?|lettering|headlines?|chyrons?|pop-?ups?|tickers?|written|printed|subtitles?|tagline)\b",
    re.IGNORECASE,
)
_HEARD = re.compile(r"\b(?:sounds?|noise|crack|crunch|thud|click|hiss|effect|audio)\b", re.IGNORECASE)
_NOTE = r"[A-G](?:#|b|\u266f|\u266d)?[0-8]?"
_NOTES = re.compile(rf"(?<![\w'])({_NOTE})((?:(?:, then |, and |, | then |\u2013|\u2014)(?:{_NOTE})){{2,}})(?![\w'#])")
_NAMED_NOTE = re.compile(r"(?:[Nn]ote |[Mm]iddle C \(|bar \(|pitch )([A-G](?:#|b)?[0-8])")
_CHORD_WORDS = re.compile(
    r"\b([A-G](?:#|b)?)(?: ([Mm]ajor|[Mm]inor))?(?: (seventh|7th))? "
    r"(?:(?:block|broken|open|simple) )?(?:[Cc]hord|[Tt]riad)"
)
_POWER = re.compile(r"\b([A-G](?:#|b)?5) power chord\b")
_CHORD_LIST = re.compile(
    r"\b([A-G](?:#|b)? (?:major|minor))((?:, (?:and )?(?:then )?|,? then )[A-G](?:#|b)? (?:major|minor)){2,}"
)
_ONE_BY_ONE = re.compile(r"one (?:at a time|by one)|arpeggio|broken|then", re.IGNORECASE)
_SCALE = re.compile(r"\b([A-G](?:#|b)?) (major|minor)( pentatonic)? scale\b", re.IGNORECASE)
_SHOT = re.compile(r"\bShot (\d+)\b")


@dataclass(slots=True)
class Imported:
    """What an import gave: the prompts, and what looks like a demand and was not typed (prompt id, words, why)."""

    prompts: list[Prompt] = field(default_factory=list)
    untyped: list[tuple[str, str, str]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def pinned(self) -> bool:
        """Whether every file is the one of the pinned revision."""
        return self.digests == PINNED


def _quotations(text: str) -> list[tuple[int, int, str]]:
    """Start, end and words of each quotation, by position; double quotes win over single ones inside them."""
    found = [(m.start(), m.end(), m[1]) for m in _DOUBLE.finditer(text)]
    for match in _SINGLE.finditer(text):
        if not any(start <= match.start() < end for start, end, _ in found):
            found.append((match.start(), match.end(), match[1]))
    return sorted(found)


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match ends, -1 for none."""
    return max((match.end() for match in pattern.finditer(text)), default=-1)


def _words_and_lines(text: str) -> Iterator[tuple[dict[str, Any] | None, str, str]]:
    """For each quotation: the constraint or None, its span, and why there is none."""
    for start, end, words in _quotations(text):
        sentence = max(text.rfind(mark, 0, start) for mark in (". ", "? ", "! ", ": "))
        before = text[max(sentence + 1, start - 90, 0) : start]
        after = text[end : end + 40].split(".")[0]
        spoken, written, heard = (_last(pattern, before) for pattern in (_SPOKEN, _WRITTEN, _HEARD))
        span = text[start:end]
        best = max(spoken, written, heard)
        if best < 0:
            spoken, written, heard = (
                -1 if (match := pattern.search(after)) is None else len(after) - match.start()
                for pattern in (_SPOKEN, _WRITTEN, _HEARD)
            )
            best = max(spoken, written, heard)
        if best < 0:
            yield None, span, "quoted, and nothing near it says whether it is read or spoken"
        elif heard == best or (words.islower() and " " not in words and len(before) - best > 12):
            yield None, span, "quoted as the word for a sound"
        elif written == best:
            yield {"kind": "text_shown", "text": words.strip().rstrip(","), "case": "exact"}, span, ""
        elif len(validators.words(words)) < 2:
            yield None, span, "a spoken word or exclamation too short to check as a line"
        else:
            yield {"kind": "line_spoken", "text": words.strip().rstrip(",")}, span, ""


def _plain(note: str) -> str:
    return note.replace("\u266f", "#").replace("\u266d", "b")


def _music(text: str) -> Iterator[dict[str, Any]]:
    chords = _CHORD_LIST.search(text)
    if chords:
        names = re.findall(r"([A-G](?:#|b)?) (major|minor)", chords[0])
        labels = [root + ("m" if mode == "minor" else "") for root, mode in names]
        yield {"kind": "chord_sequence", "chords": labels, "span": chords[0]}
        return
    scale = _SCALE.search(text)
    if scale:
        near = text[max(0, scale.start() - 60) : scale.end() + 60].lower()
        up, down = bool(re.search(r"\bascend|\bup\b", near)), bool(re.search(r"\bdescend|\bdown\b", near))
        if up or down:
            direction = "rises_falls" if up and down else "rises" if up else "falls"
            key = f"{scale[1].upper()} {scale[2].lower()}{(scale[3] or '').lower()}"
            yield {"kind": "scale", "key": key, "direction": direction, "span": scale[0]}
            return
    notes = next(
        (m for m in _NOTES.finditer(text) if not text[: m.start()].endswith("(") or _ONE_BY_ONE.search(text)), None
    )
    power = _POWER.search(text)
    chord = _CHORD_WORDS.search(text)
    together = re.search(r"\b(?:block chord|power chord|strums?)\b", text)
    if notes is not None and not together:
        if re.match(r"[^.]{0,20}\brepeat", text[notes.end() :]):
            return  # how often is said in other words
        names = [_plain(name) for name in re.findall(_NOTE, notes[0])]
        yield {"kind": "note_sequence", "notes": names, "span": notes[0]}
    elif power:
        yield {"kind": "chord", "chord": power[1], "span": power[0]}
    elif chord and (chord[2] or "chord" in chord[0].lower()):
        minor = (chord[2] or "").lower() == "minor"
        label = chord[1] + ("m" if minor else "") + ("7" if chord[3] else "")
        yield {"kind": "chord", "chord": label, "span": chord[0]}
    else:
        single = _NAMED_NOTE.search(text)
        if single:
            yield {"kind": "single_note", "note": single[1], "span": single[0]}


def _faces(text: str, label: Mapping[str, Any]) -> dict[str, Any] | None:
    """The face range of a label; its span is a character's name where the text holds it, else the whole text."""
    ranges = label.get("primary_faces")
    if not isinstance(ranges, Mapping):
        return None
    low, high = ranges.get("min_ids"), ranges.get("max_ids")
    if not isinstance(low, int) or not isinstance(high, int) or not 0 <= low <= high or high == 0:
        return None
    characters = label.get("primary_characters")
    names = (
        [item.get("name") for item in characters if isinstance(item, Mapping)] if isinstance(characters, list) else []
    )
    span = next((name for name in names if isinstance(name, str) and name.strip() and name in text), text)
    return {"kind": "face_count", "count_min": low, "count_max": high, "span": span}


def extract(
    text: str, category: str, label: Mapping[str, Any] | None = None
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The constraints that the rules find in a text, and what looks like a demand and was not typed (words, why).

    Args:
        text: an official prompt.
        category: notes and chords are read only in ``musical_instrument_tutorial``.
        label: the face label of the prompt, where there is one.
    """
    found: list[dict[str, Any]] = []
    untyped: list[tuple[str, str]] = []
    for constraint, span, why in _words_and_lines(text):
        if constraint is None:
            untyped.append((span, why))
        else:
            found.append({**constraint, "span": span})
    lines = [item["text"] for item in found if item["kind"] == "line_spoken"]
    if len(lines) > 1 and len(set(lines)) == len(lines):
        first = next(item for item in found if item["kind"] == "line_spoken")
        found.append({"kind": "lines_in_order", "texts": lines, "span": first["span"]})
    shots = [(int(match[1]), match[0]) for match in _SHOT.finditer(text)]
    if shots and [number for number, _ in shots] == list(range(1, len(shots) + 1)):
        found.append({"kind": "shot_count", "count_min": len(shots), "count_max": len(shots), "span": shots[-1][1]})
    elif shots:
        untyped.append((", ".join(words for _, words in shots), "shots that are not numbered one after another"))
    if category == "musical_instrument_tutorial":
        music = list(_music(text))
        found += music
        named = re.search(r"(?<![\w'])(?:[A-G](?:#|b)?[0-8]|[A-G](?:#|b)? (?:[Mm]ajor|[Mm]inor))\b", text)
        if not music and named:
            untyped.append((named[0], "a named pitch or chord that no rule can place"))
    if label is not None:
        faces = _faces(text, label)
        if faces is not None:
            found.append(faces)
    unique: list[dict[str, Any]] = []
    for item in found:
        bare = {name: value for name, value in item.items() if name != "span"}
        if bare not in [{k: v for k, v in other.items() if k not in ("span", "id")} for other in unique]:
            unique.append({"id": f"c{len(unique) + 1}", **item})
    return unique, untyped


# --------------------------------------------------------------------------- reading and writing


def _read_json(path: Path, what: str) -> tuple[list[Any], str]:
    try:
        if path.stat().st_size > _PROMPT_FILE_LIMIT:
            raise ManifestError(f"{path.name} has more than {_PROMPT_FILE_LIMIT} bytes; expected {what}")
        data = path.read_bytes()
        value = json.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"cannot read {path.name}: {error}; expected {what}") from None
    if not isinstance(value, list):
        raise ManifestError(f"{path.name} holds {type(value).__name__}; expected {what}")
    return value, hashlib.sha256(data).hexdigest()


def _labels(path: Path) -> dict[str, Mapping[str, Any]]:
    if not path.is_file():
        return {}
    rows, _ = _read_json(path, "a list of prompts with face labels")
    return {row["content"]: row for row in rows if isinstance(row, Mapping) and isinstance(row.get("content"), str)}


def read_checkout(folder: Path, any_revision: bool = False) -> Imported:
    """Every prompt of a checkout, or of a snapshot of the Hub dataset.

    Args:
        folder: holds ``prompts/*.json``.
        any_revision: also take files that are not those of the pinned revision.

    Raises:
        ManifestError: no prompt file, one that is torn or holds something else, a title twice in one category.
        InputError: files of another revision, without ``any_revision``.
    """
    paths = sorted((folder / "prompts").glob("*.json"))
    if not paths:
        raise ManifestError(
            f"{folder.name} has no prompts/*.json; expected a checkout of {REPOSITORY}, or its Hub dataset"
        )
    made = Imported()
    contents = {}
    for path in paths:
        contents[path.stem], made.digests[path.stem] = _read_json(path, "a list of objects with content and prompt")
    if not made.pinned and not any_revision:
        other = sorted(name for name in {*PINNED, *made.digests} if PINNED.get(name) != made.digests.get(name))
        raise InputError(
            f"not the prompts of {REPOSITORY} at {REVISION[:7]}: {', '.join(other)} differ or are missing; check "
            "out that revision, or pass --any-revision (the source then names the digest)"
        )
    whole = hashlib.sha256("".join(made.digests[name] for name in sorted(made.digests)).encode()).hexdigest()
    source = (
        f"{REPOSITORY}@{REVISION[:7]}" if made.pinned else f"files in the layout of {REPOSITORY}, sha256 {whole[:16]}"
    )
    for path in paths:
        category = path.stem
        labels = _labels(folder / _LABELS / f"{category}.expected_faces.json")
        titles: set[str] = set()
        for number, row in enumerate(contents[category], 1):
            where = f"{path.name}, prompt {number}"
            if not isinstance(row, Mapping) or not all(
                isinstance(row.get(name), str) for name in ("content", "prompt")
            ):
                raise ManifestError(f"{where}: got {row!r:.80}; expected an object with the texts content and prompt")
            title, text = row["content"], row["prompt"]
            if title in titles:
                raise ManifestError(f"{where}: the title {title!r} stands twice; titles name the clips")
            titles.add(title)
            constraints, untyped = extract(text, category, labels.get(title))
            name = f"official-{category}-{number:03d}"
            fields = {"id": name, "text": text, "title": title, "category": category, "constraints": constraints}
            made.prompts.append(
                parse_prompt({**fields, "source": source, "license": "MIT" if made.pinned else ""}, where)
            )
            made.untyped += [(name, words, why) for words, why in untyped]
    return made


def write(made: Imported, out: Path) -> None:
    """Write the configuration as a dataset folder: README with its features, parquet, and what was not typed."""
    import pyarrow as pa
    import yaml
    from pyarrow import parquet

    (out / "data").mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([schema.to_row(prompt) for prompt in made.prompts], schema=schema.arrow_schema())
    parquet.write_table(table, out / "data" / "official-test.parquet", compression="zstd", write_statistics=False)
    front = {
        "license": "mit" if made.pinned else "unknown",
        "configs": [
            {
                "config_name": "official",
                "default": True,
                "data_files": [{"split": "test", "path": "data/official-test.parquet"}],
            }
        ],
        "dataset_info": [{"config_name": "official", "features": schema.yaml_features()}],
    }
    text = (
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n# Official prompts, typed by rules\n\n"
        f"{len(made.prompts)} prompts of {made.prompts[0].source}, texts and titles unchanged"
        f"{' (MIT licence)' if made.pinned else '; not the pinned files, so nothing is said of their licence'}. "
        f"{sum(len(prompt.constraints) for prompt in made.prompts)} constraints were extracted by fixed rules; "
        f"{len(made.untyped)} quotations and named pitches that no rule could type are in `untyped.jsonl`; demands of "
        "other kinds (counts, order, silence, light) are not looked for.\n"
    )
    (out / "README.md").write_text(text, encoding="utf-8")
    lines = (
        json.dumps({"id": name, "words": words, "why": why}, ensure_ascii=False) for name, words, why in made.untyped
    )
    (out / "untyped.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _snapshot(revision: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                REPOSITORY, repo_type="dataset", revision=revision, allow_patterns=["prompts/*.json", "eval/*"]
            )
        )
    except Exception as error:  # the library raises errors of several HTTP clients, and OSError
        raise InputError(
            f"cannot fetch the dataset {REPOSITORY} from the Hub: {type(error).__name__}: {error}; "
            "give a local checkout instead"
        ) from None


def run(arguments: argparse.Namespace) -> int:
    """The command ``official``: import, write, and print counts."""
    folder = Path(arguments.source) if arguments.source else _snapshot(arguments.revision)
    made = read_checkout(folder, arguments.any_revision)
    write(made, Path(arguments.out))
    print(f"{len(made.prompts)} prompts in {len(made.digests)} categories, texts and titles as they were")
    print("revision: " + (f"{REVISION} (every file as pinned)" if made.pinned else made.prompts[0].source))
    kinds = Counter(constraint.kind for prompt in made.prompts for constraint in prompt.constraints)
    for name, count in kinds.most_common():
        print(f"{count:5d}  {name}")
    print(f"{sum(kinds.values()):5d}  constraints in {sum(1 for prompt in made.prompts if prompt.constraints)} prompts")
    reasons = Counter(why for _, _, why in made.untyped)
    for why, count in reasons.most_common():
        print(f"{count:5d}  not typed: {why}")
    return 0
