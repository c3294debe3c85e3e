"""The Spaces of the three metrics: drop a clip, choose or write a prompt, see its scores with their evidence.

Conventions
    Uploads are of strangers. One clip is measured at a time, within :data:`LIMITS`, by a worker process, in a folder
    that is removed before the answer is shown; the upload itself is removed :data:`KEPT_S` seconds after it came. The
    evidence is the page of :mod:`avgen_bench.report_page`, in a frame that can neither read nor steer the page around
    it; the file to take home is inside the page, so that nothing of it stays on the server.

    ``gradio_client`` reaches the same by one typed call, ``score``::

        client = Client("org/avgen_control")
        client.predict(clip=handle_file("clip.mp4"), prompt_id="ads-001", prompt_text="", demands="", api_name="/score")

    All four are texts, but for the file. ``prompt_id`` names a prompt of the set, or ``prompt_text`` is one's own, with
    ``demands`` (a JSON list as text: constraints for control, questions for semantic); empty stands for none. It
    returns what :meth:`Scored.to_json` describes, or fails with the reason.

    Two environment variables are read by the semantic Space: ``AVGEN_JUDGE``, who is asked (as ``--judge`` of
    ``avgen-bench score``), and ``AVGEN_JUDGE_BUDGET``, for how much a clip (as ``--budget``; 200 calls by default).
"""

from __future__ import annotations

import base64
import functools
import html
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avgen_bench import media, runner
from avgen_bench._lazy import lazy
from avgen_bench.errors import AvgenError, InputError, JudgeError, MediaError, MissingInstrument
from avgen_bench.judges.specs import judge_of
from avgen_bench.model_card import FAMILIES, members
from avgen_bench.prompts import BUILTIN, CLIP_SUFFIXES, load_prompts, parse_prompt
from avgen_bench.report import to_json_text
from avgen_bench.report_page import render
from avgen_bench.report_words import format_number, headline, printable
from avgen_bench.terms import Budget, Terms
from avgen_bench.types import Judge, MediaLimits, Prompt, canonical_json

gr = lazy("gradio")

__all__ = [
    "KEPT_S",
    "LIMITS",
    "Scored",
    "build",
    "escape",
    "frame",
    "launch",
    "notice",
    "refusal",
    "score_clip",
    "start",
]

LIMITS = MediaLimits(
    max_bytes=24 << 20,
    max_pixels=1920 * 1088,
    max_side_px=1920,
    max_duration_s=30.0,
    max_frames=1800,
    max_fps=120.0,
)
"""What a clip may ask of a Space with two slow cores."""
KEPT_S = 600
"""How long an upload stays, so that a second prompt can be tried on it."""
MOST_UPLOAD_BYTES = 64 << 20
"""Above this the server breaks the upload off; between :data:`LIMITS` and this the page says what is too large."""
MOST_WAITING = 8
_MOST_PROMPT_CHARS, _MOST_DEMANDS_CHARS = 4000, 20_000
_MOST_PARTS = 4
_OWN = "own"
_SWEEP_S = 60
_CALLS = "200calls"

_TITLES = {
    "perceptual": ("AVGen perceptual", "Damage to picture, sound, and their timing in one clip. Needs no prompt."),
    "semantic": ("AVGen semantic", "Whether a clip shows and sounds like what its prompt describes, asked of a judge."),
    "control": ("AVGen control", "Whether a clip obeys what its prompt states exactly, constraint by constraint."),
}
_DEMANDS = {"control": "constraints", "semantic": "questions"}
_EXAMPLE = {
    "control": '[{"id": "c1", "kind": "text_shown", "span": "reads OPEN LATE", "text": "OPEN LATE"}]',
    "semantic": '[{"id": "q1", "type": "object", "modality": "picture", "text": "Is there a neon sign?", '
    '"twin": "Is there a wooden sign?"}]',
}


@dataclass(frozen=True, slots=True)
class Scored:
    """One clip, scored.

    Attributes:
        report: as :func:`avgen_bench.report.build` makes it.
        page: the report's own page, the clip inside.
    """

    family: str
    prompt: Prompt | None
    report: Mapping[str, Any]
    page: str

    @property
    def cells(self) -> Mapping[str, Mapping[str, Any]]:
        """The numbers of the clip by dimension, as the report has them."""
        cells: Mapping[str, Mapping[str, Any]] = self.report["clips"][0]["measurements"]
        return cells

    def to_json(self) -> dict[str, Any]:
        """What the call ``score`` returns.

        ``family``; ``prompt_id``, ``own`` for one's own, empty without; ``scores``, by dimension ``status`` (``ok``,
        ``abstained``, ``failed``, ``not_applicable``), ``value`` (on the scale of the dimension; None unless ``ok``),
        ``reason`` and ``verdicts`` (``id``, ``kind``, ``strict``, ``found``, ``reason``); ``signature`` of the report;
        and the ``report`` in full, as JSON text.
        """
        scores = {
            name: {
                "status": cell["status"],
                "value": cell["value"],
                "reason": cell["reason"],
                "verdicts": [
                    {part: verdict.get(part, "") for part in ("id", "kind", "strict", "found", "reason")}
                    for verdict in cell.get("verdicts", ())
                ],
            }
            for name, cell in self.cells.items()
        }
        return {
            "family": self.family,
            "prompt_id": "" if self.prompt is None else self.prompt.id,
            "scores": scores,
            "signature": self.report["signature"],
            "report": to_json_text(self.report),  # a text: clients fetch what has a "path", as files
        }


# --------------------------------------------------------------------------- scoring


def _refuse_family(family: str) -> None:
    if family not in FAMILIES:
        raise InputError(f"no family is called {family!r}; there are: {', '.join(FAMILIES)}")


@functools.cache
def _prompts(family: str) -> dict[str, Prompt]:
    """The prompts of the set that ask anything of a family."""
    known = load_prompts(BUILTIN)
    if family == "control":
        return {name: prompt for name, prompt in known.items() if prompt.constraints}
    return known


def _prompt(family: str, prompt_id: str, prompt_text: str, demands: str) -> Prompt | None:
    """The prompt that was chosen or written; None where there is none.

    Raises:
        InputError: there is no such prompt, two were given, or one that the family cannot do with.
    """
    prompt_id, text, demands = prompt_id.strip(), prompt_text.strip(), demands.strip()
    what = _DEMANDS.get(family, "")
    if prompt_id and text:
        raise InputError("there is a prompt of the set and one of your own; give one of them")
    if demands and not (text and what):
        raise InputError(f"{what or 'demands'} go with a prompt of your own; write it, or leave them away")
    if prompt_id:
        known = _prompts(family)
        if prompt_id not in known:
            shown = printable(prompt_id)[:80]
            raise InputError(f"no prompt is called {shown!r}; expected one like {next(iter(known))}")
        return known[prompt_id]
    if not text:
        if family == "perceptual":
            return None
        raise InputError("the clip's prompt is missing; choose one of the set, or write it")
    if len(text) > _MOST_PROMPT_CHARS or len(demands) > _MOST_DEMANDS_CHARS:
        raise InputError(
            f"the prompt has {len(text)} characters and its demands {len(demands)}; expected {_MOST_PROMPT_CHARS} and "
            f"{_MOST_DEMANDS_CHARS} at the most"
        )
    if family == "control" and not demands:
        raise InputError(f"the constraints are missing; a prompt of your own needs some, such as {_EXAMPLE[family]}")
    row: dict[str, Any] = {"id": _OWN, "prompt": text}
    if demands:
        try:
            row[what] = json.loads(demands)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the {what} are not JSON ({error}); expected a list such as {_EXAMPLE[family]}") from None
    return parse_prompt(row, "your prompt")


def score_clip(
    family: str,
    clip: str | os.PathLike[str] | None,
    *,
    prompt_id: str = "",
    prompt_text: str = "",
    demands: str = "",
    judge: Judge | None = None,
    terms: Terms | None = None,
    limits: MediaLimits = LIMITS,
    workers: int = 1,
) -> Scored:
    """One clip scored in a folder that is removed again.

    Args:
        family: ``perceptual``, ``semantic`` or ``control``.
        clip: the file; its name gives the suffix alone.
        prompt_id: a prompt of the set; empty where there is none.
        prompt_text: one's own instead.
        demands: a JSON list that goes with it: constraints (control) or questions (semantic).
        judge: who answers; the caller closes it.
        terms: on which it is asked.
        limits: what the clip may ask of the machine.
        workers: as in :func:`avgen_bench.runner.score`.

    Raises:
        InputError: no clip, no prompt where one is needed, or one that cannot be used.
        MediaError: the file is no clip, too large, or damaged; the first reason.
        JudgeRefusal: the judge refuses to work.
    """
    _refuse_family(family)
    if clip is None:
        raise InputError("there is no clip; drop one, then score it")
    source = Path(clip)
    if not source.is_file():
        raise InputError("the clip is not there any more (uploads are removed after some minutes); upload it again")
    prompt = _prompt(family, prompt_id, prompt_text, demands)
    media.digest(source, limits)
    suffix = source.suffix.lower()
    name = f"clip{suffix if suffix in CLIP_SUFFIXES else '.mp4'}"
    with tempfile.TemporaryDirectory(prefix="avgen-space-") as place:
        folder = Path(place)
        shutil.copyfile(source, folder / name)
        row = {"path": name, "prompt_id": "" if prompt is None else prompt.id, "system": "upload"}
        (folder / "clips.jsonl").write_text(canonical_json(row) + "\n", encoding="utf-8")
        if prompt is not None:
            (folder / "prompts.jsonl").write_text(canonical_json(prompt.to_json()) + "\n", encoding="utf-8")
        report = runner.score(
            folder / "clips.jsonl",
            folder / "run",
            prompts=None if prompt is None else folder / "prompts.jsonl",
            dimensions=[one for one, why in members(family).items() if not why],
            limits=limits,
            workers=workers,
            judge=judge,
            terms=terms,
            alone=True,
        )
        _refuse_unreadable(report)
        return Scored(family, prompt, report, render(report, folder, folder, "always"))


def _refuse_unreadable(report: Mapping[str, Any]) -> None:
    """Stop where nothing of the clip could be decoded.

    Raises:
        MediaError: with the reason.
    """
    row = report["clips"][0]
    reasons = {cell["reason"] for cell in row["measurements"].values() if cell["status"] == "failed"}
    if row["media"] is None and reasons:
        raise MediaError(min(reasons))


def _media_words(error: MediaError) -> str:
    """What is wrong with an upload, and what this Space takes."""
    limits = (
        f"mp4, mov, mkv or webm, up to {LIMITS.max_bytes >> 20} MiB, {LIMITS.max_duration_s:g} s and "
        f"{LIMITS.max_side_px} x 1088 pixels (either way up)"
    )
    return f"This file was not scored: {error}. This Space takes {limits}."


def _judge() -> tuple[Judge | None, Terms | None]:
    """The judge that the environment names, and its terms.

    Raises:
        InputError: the spec or the budget cannot be used.
    """
    spec = os.environ.get("AVGEN_JUDGE", "").strip()
    if not spec:
        return None, None
    return judge_of(spec), Terms(budget=Budget.parse(os.environ.get("AVGEN_JUDGE_BUDGET", "") or _CALLS))


def _judge_words() -> str:
    """What stands on the page of the semantic Space about its judge."""
    try:
        judge, terms = _judge()
    except AvgenError as error:
        print(f"AVGEN_JUDGE: {printable(str(error))}", file=sys.stderr)
        return "The judge of this Space cannot be used as it is set; whoever runs it finds the reason in the log."
    if judge is None or terms is None:
        return (
            "This Space has no judge, so its dimensions abstain and say why. Whoever runs it names one in the variable "
            "AVGEN_JUDGE, such as openai:https://host#MODEL, with the key in a secret (AVGEN_JUDGE_KEY)."
        )
    facts = judge.facts
    judge.close()
    return f"Judge: {facts.name} {facts.model}; at the most {terms.budget} a clip."


def _answer(family: str, clip: Any, prompt_id: Any, prompt_text: Any, demands: Any) -> Scored:
    """One upload scored; every failure is an :class:`InputError` with words for whoever sent it."""
    texts = [item if isinstance(item, str) else "" for item in (prompt_id, prompt_text, demands)]
    judge: Judge | None = None
    try:
        terms = None
        if family == "semantic":
            try:
                judge, terms = _judge()
            except InputError as error:
                raise JudgeError(str(error)) from None
        return score_clip(
            family, clip, prompt_id=texts[0], prompt_text=texts[1], demands=texts[2], judge=judge, terms=terms
        )
    except MediaError as error:
        raise InputError(_media_words(error)) from None
    except (JudgeError, MissingInstrument) as error:  # its words may name a server: they are for the log
        print(f"judge: {printable(str(error))}", file=sys.stderr)
        raise InputError("The judge of this Space could not be asked; nothing was scored. Try again later.") from None
    except InputError:
        raise
    except Exception as error:
        print(f"space: {type(error).__name__}: {printable(str(error))}", file=sys.stderr)
        raise InputError("This clip could not be scored, by a fault of this Space; it is in its log.") from None
    finally:
        if judge is not None:
            judge.close()


# --------------------------------------------------------------------------- what is shown


def escape(text: Any) -> str:
    """Text for HTML, without what steers a reading direction.

    The braces and dollars of templates are escaped as well, whoever may come to read the text.
    """
    shown = html.escape(" ".join(printable(line) for line in str(text).splitlines()))
    return shown.replace("{", "&#123;").replace("}", "&#125;").replace("$", "&#36;")


def refusal(error: Exception) -> Exception:
    """What a call by program fails with: plain text. No page shows it; there, a :func:`notice` stands for it."""
    failure: Exception = gr.Error(printable(str(error)), print_exception=False)
    return failure


def notice(text: str, kind: str = "note") -> str:
    """A paragraph in a frame; ``kind`` is ``note``, ``bad`` or ``good``."""
    role = "alert" if kind == "bad" else "status"
    return f'<p class="avgen-notice avgen-{kind}" role="{role}">{escape(text)}</p>' if text else ""


_ONE_CLIP = """<style>
main > section:not([aria-labelledby=clips]):not([aria-labelledby=signatures]), body > header, form.tools, #clips
{ display: none !important }
</style></head>"""
"""Of the report's page only what is about the clip."""


def frame(page: str, title: str) -> str:
    """A whole page inside another: its script runs, and reaches nothing of what is around it."""
    inner = (
        html.escape(page.replace("</head>", _ONE_CLIP, 1))
        .replace("{", "&#123;")
        .replace("}", "&#125;")
        .replace("$", "&#36;")
    )
    return (
        f'<iframe class="avgen-frame" title="{escape(title)}" sandbox="allow-scripts" referrerpolicy="no-referrer" '
        f'srcdoc="{inner}"></iframe>'
    )


def _word(cell: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if cell["status"] == "ok":
        return format_number(cell["value"], facts["low"], facts["high"])
    return str(cell["status"]).replace("_", " ")


def _why(cell: Mapping[str, Any]) -> str:
    """The reason of a number, its lowest parts and its verdicts, in HTML."""
    items = [f"<p>{escape(cell['reason'])}</p>"] if cell["reason"] and not cell.get("verdicts") else []
    parts = [item for item in cell["evidence"] if item["kind"] == "part" and item.get("score") is not None]
    if parts:
        parts.sort(key=lambda item: item["score"])
        words = ", ".join(f"{item['label']} {format_number(item['score'])}" for item in parts[:_MOST_PARTS])
        items.append(f"<p>{escape(words)}</p>")
    for verdict in cell.get("verdicts", ()):
        found = verdict.get("found", "")
        said = "; ".join(text for text in (verdict.get("reason", ""), f"found {found}" if found else "") if text)
        items.append(
            f'<p><b class="avgen-{escape(verdict["strict"])}">{escape(verdict["strict"])}</b> '
            f"{escape(verdict['id'])} <code>{escape(verdict['kind'])}</code>{': ' * bool(said)}{escape(said)}</p>"
        )
    return "".join(items)


def table(scored: Scored) -> str:
    """The scores of a clip with their reasons, and the report to take home, in HTML."""
    facts = {row["name"]: row for row in scored.report["dimensions"]}
    rows = []
    for name, cell in scored.cells.items():
        status = escape(cell["status"])
        rows.append(
            f'<tr class="avgen-{status}"><th scope="row">{escape(name.replace("_", " "))}</th>'
            f'<td class="avgen-number">{escape(_word(cell, facts[name]))}</td><td>{_why(cell)}</td></tr>'
        )
    data = base64.b64encode(to_json_text(scored.report).encode()).decode()
    link = f'<a class="avgen-save" download="report.json" href="data:application/json;base64,{data}">report.json</a>'
    return (
        f"<p>{escape(headline(scored.report))}</p>"
        '<table class="avgen-table"><thead><tr><th scope="col">dimension</th><th scope="col">score</th>'
        f'<th scope="col">why</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f"<p>0 is worst, 1 is best. All numbers, evidence and signatures: {link}</p>"
    )


def _prompt_words(family: str, prompt_id: Any) -> str:
    prompt = _prompts(family).get(prompt_id) if isinstance(prompt_id, str) else None
    if prompt is None:
        return ""
    listed = [
        f"<li><code>{escape(item.kind)}</code> <q>{escape(item.span)}</q></li>"
        for item in (prompt.constraints if family == "control" else ())
    ]
    listed += [f"<li>{escape(item.text)}</li>" for item in (prompt.questions if family == "semantic" else ())]
    return f"<blockquote>{escape(prompt.text)}</blockquote>{'<ul>' + ''.join(listed) + '</ul>' if listed else ''}"


CSS = """
.avgen-table { width: 100%; border: 0 !important; border-collapse: collapse; font-size: 14px; }
.avgen-table th, .avgen-table td { text-align: left !important; vertical-align: top; padding: 6px 10px !important;
  border: 0 !important; border-bottom: 1px solid var(--border-color-primary) !important; overflow-wrap: anywhere; }
.avgen-table tr { border: 0 !important; }
.avgen-table thead th { overflow-wrap: normal; }
.avgen-table p { margin: 0 0 2px; }
.avgen-table th { font-weight: 600; }
.avgen-table tbody th, .avgen-table .avgen-number { overflow-wrap: normal; }
.avgen-number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.avgen-wide { overflow-x: auto; }
.avgen-wide .avgen-table td, .avgen-wide .avgen-table th { overflow-wrap: normal; }
.avgen-frame { width: 100%; height: 920px; border: 1px solid var(--border-color-primary); border-radius: 8px;
  background: white; }
.avgen-notice { border-left: 4px solid var(--border-color-primary); padding: 8px 12px; margin: 8px 0;
  background: var(--background-fill-secondary); overflow-wrap: anywhere; }
.avgen-notice.avgen-bad { border-color: #b3261e; }
.avgen-notice.avgen-good { border-color: #1b7f3b; }
b.avgen-pass { color: #1b7f3b; } b.avgen-fail { color: #b3261e; }
.dark b.avgen-pass { color: #6fd08c; } .dark b.avgen-fail { color: #ff8a80; }
.avgen-save { text-decoration: underline; }
"""


# --------------------------------------------------------------------------- the app


def _limit_words() -> str:
    return (
        f"Clips of up to {LIMITS.max_bytes >> 20} MiB, {LIMITS.max_duration_s:g} seconds and "
        f"{LIMITS.max_side_px} x 1088 pixels. One is scored at a time. Nothing is kept: the upload is removed after "
        f"{KEPT_S // 60} minutes, all else at once."
    )


def _choices(prompts: Mapping[str, Prompt]) -> Sequence[tuple[str, str]]:
    return [
        ("(none)", ""),
        *((f"{name}  {prompt.title or prompt.text[:60]}", name) for name, prompt in prompts.items()),
    ]


def build(family: str) -> Any:
    """The ``gradio.Blocks`` of one family's Space, not started.

    Raises:
        InputError: there is no such family.
    """
    _refuse_family(family)
    title, summary = _TITLES[family]
    demands_name = _DEMANDS.get(family, "")

    def show(clip: Any, prompt_id: Any, prompt_text: Any, demands: Any = "") -> tuple[str, str]:
        try:
            scored = _answer(family, clip, prompt_id, prompt_text, demands)
        except InputError as error:
            return notice(str(error), "bad"), ""
        return table(scored), frame(scored.page, "evidence of the scores")

    def score(clip: str, prompt_id: str, prompt_text: str, demands: str) -> dict[str, Any]:
        """The scores of one clip; see the module's conventions."""
        try:
            return _answer(family, clip, prompt_id, prompt_text, demands).to_json()
        except InputError as error:
            raise refusal(error) from None

    def describe(prompt_id: Any) -> str:
        return _prompt_words(family, prompt_id)

    with gr.Blocks(title=title, delete_cache=(_SWEEP_S, KEPT_S), analytics_enabled=False) as app:
        gr.HTML(f"<h1>{escape(title)}</h1><p>{escape(summary)}</p>")
        if family == "semantic":
            gr.HTML(notice(_judge_words()), elem_id="judge")
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                clip = gr.File(label="clip", file_count="single", type="filepath", height=120, elem_id="clip")
                chosen = gr.Dropdown(_choices(_prompts(family)), value="", label="prompt of the set", elem_id="chosen")
                about = gr.HTML()
                own = gr.Textbox(label="or a prompt of your own", lines=3, max_length=_MOST_PROMPT_CHARS, elem_id="own")
                inputs = [clip, chosen, own]
                if demands_name:
                    demands = gr.Textbox(
                        label=f"its {demands_name}, as a JSON list",
                        placeholder=_EXAMPLE[family],
                        lines=3,
                        max_length=_MOST_DEMANDS_CHARS,
                        elem_id="demands",
                    )
                    inputs.append(demands)
                go = gr.Button("Score", variant="primary", elem_id="go")
                gr.HTML(f"<p><small>{escape(_limit_words())}</small></p>")
            with gr.Column(scale=3, min_width=300):
                scores = gr.HTML(elem_id="scores", min_height=80)
        evidence = gr.HTML(elem_id="evidence")
        chosen.change(describe, chosen, about, api_visibility="private", queue=False, show_progress="hidden")
        alike = {"concurrency_id": "score", "concurrency_limit": 1}
        go.click(show, inputs, [scores, evidence], api_visibility="private", **alike)
        with gr.Row(visible=False):  # what the call takes and gives
            sent = gr.File(label="clip", file_count="single", type="filepath")
            texts = [gr.Textbox(value="", label=name) for name in ("prompt_id", "prompt_text", "demands")]
            found = gr.JSON(label="scores")
            call = gr.Button()
        call.click(score, [sent, *texts], found, api_name="score", api_description=Scored.to_json.__doc__, **alike)
    return app


def launch(family: str) -> None:
    """Run the Space of a family until it is stopped; where and how is set by gradio's environment variables.

    Raises:
        InputError: there is no such family.
    """
    start(build(family))


def start(app: Any, most_bytes: int = MOST_UPLOAD_BYTES, css: str = "") -> None:
    """Run an app: one call at a time, no errors of ours shown but those meant for people."""
    app.queue(max_size=MOST_WAITING, default_concurrency_limit=1).launch(
        max_file_size=most_bytes, show_error=False, css=CSS + css, footer_links=["api"], ssr_mode=False, quiet=True
    )
