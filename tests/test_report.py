"""The report's value, its JSON, the terminal table and the explanation of one clip."""

from __future__ import annotations

import io
import json
import math
import random
import stat
import subprocess
import sys

import pytest
import report_samples as samples

from avgen_bench import report_control, report_terminal, report_words
from avgen_bench.errors import InputError
from avgen_bench.report import build, write_json
from avgen_bench.report_terminal import explain_clip, print_table
from avgen_bench.report_words import headline
from avgen_bench.statistics import wilson
from avgen_bench.types import Constraint, Evidence, Outcome, Prompt, Verdict

VISUAL, TEMPORAL, AUDIO, SYNC = samples.DIMENSIONS


def run_of(values: dict[str, list[Outcome | None]], dimension=VISUAL):
    """A report in one dimension: for each system its outcomes in order; None is a clip that was not measured."""
    clips, found = [], []
    for system, outcomes in values.items():
        for k, outcome in enumerate(outcomes):
            item = samples.clip(f"{system}/{k}.mp4", system=system, prompt_id=f"p{k}")
            clips.append(item)
            if outcome is not None:
                found.append(samples.measurement(item, dimension.name, outcome))
    return clips, found, build(found, clips, [dimension])


def text_of(*renderables, width: int = 80) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None)
    for item in renderables:
        console.print(item)
    return console.file.getvalue()


def table_of(report, width: int = 80) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_table(report, console)
    return console.file.getvalue()


def test_estimates_count_every_status():
    ok, abstained, failed = samples.ok, Outcome("abstained", None, "cannot tell"), Outcome("failed", None, "crash")
    *_, report = run_of({"a": [ok(0.0), ok(0.4), ok(0.8), abstained, failed, None], "b": [ok(0.5)]})
    first, second = report["estimates"]
    assert first["counts"] == {"ok": 3, "not_applicable": 0, "abstained": 1, "failed": 1, "missing": 1, "floor": 1}
    assert (first["mean"], first["n"]) == (0.4, 3)
    assert (first["bound_low"], first["bound_high"]) == (0.2, 0.7)
    assert first["quartiles"] == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert (second["mean"], second["n"], second["ci_low"], second["bound_low"]) == (0.5, 1, None, 0.5)
    assert report["counts"]["ok"] == 4
    assert "1 failed, 1 not measured yet" in headline(report)


def test_a_mean_of_nothing_is_absent():
    *_, report = run_of({"a": [Outcome("abstained", None, "cannot tell")]})
    (estimate,) = report["estimates"]
    assert (estimate["mean"], estimate["n"], estimate["worst"]) == (None, 0, None)
    assert (estimate["bound_low"], estimate["bound_high"]) == (0.0, 1.0)


def test_not_applicable_is_outside_the_bounds():
    *_, report = run_of({"a": [samples.ok(0.5), Outcome("not_applicable", None, "the prompt asks nothing here")]})
    assert (report["estimates"][0]["bound_low"], report["estimates"][0]["bound_high"]) == (0.5, 0.5)


@pytest.mark.parametrize("direction", [1, -1])
def test_worst_first_in_either_direction_and_ties_by_key(direction):
    facts = samples.facts("error", direction=direction)
    values = [0.5, 0.2, 0.5, 0.9]
    outcomes = [Outcome("abstained", None, "cannot tell"), *map(samples.ok, values), Outcome("failed", None, "crash")]
    *_, report = run_of({"a": outcomes}, facts)
    names = [report["clips"][row]["prompt_id"] for row in report["worst_first"]["error"]]
    ranked = ["p2", "p1", "p3", "p4"] if direction > 0 else ["p4", "p1", "p3", "p2"]
    assert names == [*ranked, "p5", "p0"]
    assert report["estimates"][0]["worst"] == report["clips"][report["worst_first"]["error"][0]]["key"]


def test_any_order_gives_the_same_bytes(tmp_path):
    clips = [samples.clip(f"{k}.mp4", system="ab"[k % 2], prompt_id=f"p{k}") for k in range(9)]
    found = [
        samples.measurement(item, name, outcome)
        for k, item in enumerate(clips)
        for name, outcome in samples.outcomes(4.0, k).items()
    ]
    texts = set()
    for seed in range(4):
        random.Random(seed).shuffle(clips)
        random.Random(seed + 9).shuffle(found)
        texts.add(write_json(build(found, clips, samples.DIMENSIONS), tmp_path / "report.json").read_bytes())
    assert len(texts) == 1


def test_json_is_strict_and_holds_no_path_of_this_machine(tmp_path):
    _, _, report = run_of({"a": [samples.ok(0.5, Evidence("curve", "c", x=(0.0,), y=(1.0,)))]})
    text = write_json(report, tmp_path / "deep" / "report.json").read_text(encoding="utf-8")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert json.loads(text, parse_constant=refuse)["schema"] == "avgen-bench/report/1"
    assert str(tmp_path) not in text
    assert not [item for item in (tmp_path / "deep").iterdir() if item.name != "report.json"]
    assert stat.S_IMODE((tmp_path / "deep" / "report.json").stat().st_mode) & 0o044
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({**report, "signature": math.nan}, tmp_path / "deep" / "report.json")
    assert (tmp_path / "deep" / "report.json").read_text(encoding="utf-8") == text


def test_thumbnails_are_for_the_page_and_left_out_of_the_file(tmp_path):
    item = samples.clip("a.mp4")
    report = build([], [item], [VISUAL], thumbnails={item.clip_id: samples.thumbnails(["AAAA"], 2.0)})
    assert report["thumbnails"][item.clip_id] == {"times_s": [1.0], "jpegs": ["AAAA"]}
    assert "thumbnails" not in json.loads(write_json(report, tmp_path / "r.json").read_text(encoding="utf-8"))


def test_a_file_name_that_is_no_utf8_is_written_as_json_names_it(tmp_path):
    name = "b\udcff.mp4"
    path = write_json(build([], [samples.clip(name)], [VISUAL]), tmp_path / "r.json")
    assert json.loads(path.read_text(encoding="utf-8"))["clips"][0]["path"] == name


def test_measurements_of_other_clips_and_dimensions_are_left_aside():
    clips, found, report = run_of({"a": [samples.ok(0.5)]})
    stranger = samples.clip("other.mp4", system="z")
    more = [
        samples.measurement(stranger, VISUAL.name, samples.ok(0.1)),
        samples.measurement(clips[0], AUDIO.name, samples.ok(0.1)),
    ]
    assert build([*more, *found, *found], clips, [VISUAL]) == report


def test_two_measurements_of_one_number_are_refused():
    clips, found, _ = run_of({"a": [samples.ok(0.5)]})
    other = samples.measurement(clips[0], VISUAL.name, samples.ok(0.6), signature="made-up/2")
    with pytest.raises(ValueError, match="two different measurements of 'visual_quality'"):
        build([*found, other], clips, [VISUAL])


def test_numbers_that_were_made_differently_are_refused_side_by_side_unless_forced():
    clips = [samples.clip("a.mp4", system="left"), samples.clip("b.mp4", system="right")]
    found = [
        samples.measurement(item, VISUAL.name, samples.ok(0.5), signature=f"dimension:{VISUAL.name}|decoder.av:{k}")
        for k, item in enumerate(clips)
    ]
    with pytest.raises(InputError, match=r"version of PyAV differs: 0 \(left\), 1 \(right\).*--force"):
        build(found, clips, [VISUAL])
    report = build(found, clips, [VISUAL], force=True)
    assert report["dimensions"][0]["signatures"] == [f"dimension:{VISUAL.name}|decoder.av:{k}" for k in range(2)]
    assert report["forced"] == [
        {"dimension": VISUAL.name, "field": "version of PyAV", "values": {"left": "0", "right": "1"}}
    ]
    assert report["notes"] == [f"{VISUAL.name}: the version of PyAV differs: 0 (left), 1 (right)"]
    assert "version of PyAV differs" in " ".join(table_of(report).split())


def test_another_prompt_is_no_other_signature():
    clips = [samples.clip("a.mp4"), samples.clip("b.mp4")]
    for facts, needs, backbones in (
        (VISUAL, "fixed", ("clarity", "clarity")),
        (samples.CONTROL[0], "by prompt", ("ocr", "onsets")),
    ):
        head = f"dimension:{facts.name}|needs:{needs}"
        found = [
            samples.measurement(
                item, facts.name, samples.ok(0.5), signature=f"{head}|backbone.{backbones[k]}:1|prompt:{k}"
            )
            for k, item in enumerate(clips)
        ]
        report = build(found, clips, [facts])
        assert report["notes"] == [] and report["forced"] == []
        assert report["dimensions"][0]["signatures"] == sorted({f"{head}|backbone.{name}:1" for name in backbones})
        other = samples.measurement(
            clips[0], facts.name, samples.ok(0.5), signature=f"{head}|backbone.{backbones[1]}:2|prompt:0"
        )
        with pytest.raises(InputError, match=f"revision of the backbone {backbones[1]}"):
            build([found[1], other], clips, [facts])


def test_one_key_counts_once():
    twins = [samples.clip("a.mp4"), samples.clip("a.mp4")]
    assert len(build([], twins, [VISUAL])["clips"]) == 1
    copy = type(twins[0])(twins[0].clip_id, "copy.mp4")
    report = build([], [copy, twins[0]], [VISUAL])
    assert [row["path"] for row in report["clips"]] == ["a.mp4"]
    assert report["notes"] == ["copy.mp4: same system, prompt, take and bytes as a.mp4; counted once"]


@pytest.mark.parametrize("systems", [("",), ("ovi", "a system with a very long name indeed 3.1")])
def test_table_fits_80_columns_and_cuts_no_number(systems):
    outcomes = [samples.ok(0.25), samples.ok(0.5), Outcome("abstained", None, "cannot tell"), None]
    outcomes += [Outcome("failed", None, "a reason " * 30)] * 12
    *_, report = run_of(dict.fromkeys(systems, outcomes), TEMPORAL)
    text = table_of(report)
    assert max(map(len, text.splitlines())) <= 80
    lines = [line for line in text.splitlines() if "0.375" in line]
    assert len(lines) == len(systems)
    for line in lines:
        assert line.split()[-8:] == ["0.375", "0.056–0.903", "2/16", "1", "12", "1", "0", "p0"]
    assert f"{12 * len(systems)} failed" in " ".join(text.split())
    assert "failed: " in text


def test_table_lets_no_name_steer_the_terminal():
    item = samples.clip("a\x1b[31m\n.mp4", system="[bold]x\u202e", prompt_id="p\x07[/]")
    report = build(
        [samples.measurement(item, VISUAL.name, Outcome("failed", None, "\x1b]0;owned\x07"))], [item], [VISUAL]
    )
    text = table_of(report) + text_of(*explain_clip(report, "p\x07[/]"))
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert "[bold]x\\u202e" in text
    assert "\\x1b]0;owned\\x07" in text


def test_explain_shows_all_that_a_number_rests_on():
    item = samples.clip("ads/Tea.mp4", prompt_id="tea", system="ovi")
    found = [samples.measurement(item, name, outcome) for name, outcome in samples.outcomes(4.0, 1).items()][:3]
    found[2] = samples.measurement(item, AUDIO.name, samples.ok(0.0, reason="silent clip: no sound track"))
    report = build(found, [item], samples.DIMENSIONS, media={item.clip_id: samples.media(4.0, sound=False)})
    text = text_of(*explain_clip(report, "tea"), width=120)
    for expected in (
        "sharpness",
        "natural scene",
        "cut  2 ×  1.80–1.84 s",
        "momentary" if "momentary" in text else "flicker",
        "at the floor",
        "silent clip: no sound track",
        "no sound track",
        "not measured yet",
        "1280×704 24 fps h264, 96 frames",
        found[0].observations[0],
        "signature made-up/1",
    ):
        assert expected in text, expected


@pytest.mark.parametrize("name", ["ads/Tea.mp4", "Tea.mp4", "Tea", "tea-prompt", "/elsewhere/Tea.mp4", "ID", "KEY"])
def test_a_clip_is_found_by_any_of_its_names(name):
    item = samples.clip("ads/Tea.mp4", prompt_id="tea-prompt")
    report = build([], [item, samples.clip("other.mp4", prompt_id="q")], [VISUAL])
    called = {"ID": item.clip_id, "KEY": item.key}.get(name, name)
    assert [row["path"] for row in report_terminal.find_clips(report, called)] == ["ads/Tea.mp4"]


def test_an_unknown_clip_is_an_input_error_with_a_near_name():
    report = build([], [samples.clip("ads/Tea.mp4", prompt_id="tea-prompt")], [VISUAL])
    with pytest.raises(InputError, match="close: tea-prompt"):
        explain_clip(report, "tea-promt")
    with pytest.raises(InputError, match="1 clips"):
        explain_clip(report, "")


def test_importing_loads_no_engine():
    code = (
        "import sys, avgen_bench.report; print([m for m in ('numpy', 'jinja2', 'rich', 'scipy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_many_thumbnails_stay_plain_lists():
    """Long rows are packed in the store; the report has them as lists."""
    item = samples.clip("a.mp4")
    report = build([], [item], [VISUAL], thumbnails={item.clip_id: samples.thumbnails(["AAAA"] * 40, 40.0)})
    assert report["thumbnails"][item.clip_id]["times_s"][:2] == [0.5, 1.5]


# --------------------------------------------------------------------------- constraints

THEMES = {item.name: item for item in samples.CONTROL}


def obeyed(*words: str, kind: str = "text_shown", prompts: bool = True, dimension: str = "text"):
    """A report on one constraint per clip; a word is "pass", "loose", "fail", "unverifiable", or what went wrong."""
    clips, found, asked = [], [], {}
    for k, word in enumerate(words):
        path = "" if word == "no clip" else f"{k}.mp4"
        item = samples.clip(path, system="a", prompt_id=f"p{k}")
        clips.append(item)
        asked[item.prompt_id] = Prompt(
            item.prompt_id, 'It reads "A".', constraints=(Constraint("c1", kind, 'reads "A"', (("text", "A"),)),)
        )
        if word in ("pass", "loose", "fail", "unverifiable"):
            strict = "fail" if word == "loose" else word
            loose = "pass" if word == "loose" else word
            verdict = Verdict("c1", kind, strict, loose, reason="" if word == "pass" else "because")
            status = "abstained" if word == "unverifiable" else "ok"
            value = float(word == "pass") if status == "ok" else None
            found.append(samples.measurement(item, dimension, Outcome(status, value, "because", (), (verdict,))))
        elif word == "no clip":
            found.append(samples.measurement(item, dimension, Outcome("ok", 0.0, "no clip for this prompt")))
        elif word == "crash":
            found.append(samples.measurement(item, dimension, Outcome("failed", None, "crash: made up")))
    return build(found, clips, [THEMES[dimension]], prompts=asked if prompts else None, checkers={})


def test_constraints_are_counted_by_verdict():
    report = obeyed(*["pass"] * 5, "loose", "fail", "unverifiable", "crash", "not yet")
    (row,) = report["constraints"]["kinds"]
    assert (row["kind"], row["theme"], row["system"], row["n"]) == ("text_shown", "text", "a", 10)
    counts = {name: row[name] for name in ("strict", "loose", "fail", "unverifiable", "unmeasured")}
    assert counts == {"strict": 5, "loose": 6, "fail": 2, "unverifiable": 1, "unmeasured": 2}
    assert row["strict_rate"] == pytest.approx(5 / 7, abs=1e-6)
    assert row["strict_ci"] == pytest.approx(wilson(5, 7), abs=1e-6)
    assert row["loose_ci"] == pytest.approx(wilson(6, 7), abs=1e-6)
    (whole,) = report["constraints"]["prompts"]
    assert (whole["n"], whole["strict"], whole["loose"], whole["fail"]) == (10, 5, 6, 2)
    assert report["constraints"]["checkers"] == {"text_shown": None}


def test_a_prompt_left_without_a_clip_breaks_its_constraints():
    (row,) = obeyed("pass", "no clip")["constraints"]["kinds"]
    assert (row["n"], row["strict"], row["fail"], row["loose"]) == (2, 1, 1, 1)


def test_without_a_verdict_there_is_no_rate():
    report = obeyed("unverifiable")
    (row,) = report["constraints"]["kinds"]
    assert (row["strict_rate"], row["strict_ci"], row["loose_rate"]) == (None, None, None)
    text = " ".join(table_of(report).split())
    assert "None of 1 clips could be verified on every constraint of its prompt" in text


def test_verdicts_without_their_prompts_are_counted_still():
    report = obeyed("pass", "fail", prompts=False)
    assert report["prompts"] == {}
    assert report["constraints"]["kinds"][0]["n"] == 2
    assert "FAIL c1 text_shown" in text_of(*explain_clip(report, "p1"))


def test_a_kind_that_is_gone_and_a_theme_that_was_not_asked():
    (row,) = obeyed("pass", kind="of_a_plugin")["constraints"]["kinds"]
    assert (row["kind"], row["theme"]) == ("of_a_plugin", "")
    report = build([], [samples.clip("a.mp4", prompt_id="p")], [VISUAL], prompts={"p": samples.prompt("p")})
    assert report["prompts"]["p"]["constraints"][0]["kind"] == "shot_count"
    assert report["constraints"] == {"kinds": [], "prompts": [], "checkers": {}}


def test_a_prompt_is_obeyed_when_all_of_it_is():
    clips = [samples.clip(f"{k}.mp4", prompt_id=f"p{k}") for k in range(6)]
    found = [
        samples.measurement(item, name, outcome)
        for k, item in enumerate(clips)
        for name, outcome in samples.control_outcomes(8.0, k).items()
    ]
    prompts = {item.prompt_id: samples.prompt(item.prompt_id) for item in clips}
    report = build(found, clips, samples.CONTROL, prompts=prompts, checkers=samples.CARDS)
    (whole,) = report["constraints"]["prompts"]  # faces are seen in clips 2 and 5; clip 5 breaks four others
    assert (whole["n"], whole["strict"], whole["fail"], whole["unverifiable"]) == (6, 1, 4, 1)
    kinds = [row["kind"] for row in report["constraints"]["kinds"]]
    assert kinds[:3] == ["text_shown", "line_spoken", "note_sequence"]
    assert kinds[-2:] == ["shot_count", "colour_trend"]
    assert report["constraints"]["checkers"]["text_shown"]["balanced_accuracy"] == 0.9712
    text = table_of(report)
    assert max(map(len, text.splitlines())) <= 80
    line = next(line for line in text.splitlines() if line.startswith("text_shown"))
    assert line.split() == ["text_shown", "6", "50", "%", "19–81", "50", "%", "0", "97", "%", "(95–98)"]
    assert "1 of 5 clips obey every constraint of their prompt (20 %, 4–62)" in " ".join(text.split())


def test_explain_shows_words_verdict_and_distance():
    item = samples.clip("a.mp4", prompt_id="p")
    found = [samples.measurement(item, name, outcome) for name, outcome in samples.control_outcomes(8.0, 1).items()]
    report = build(found, [item], samples.CONTROL, prompts={"p": samples.prompt("p")})
    text = " ".join(text_of(*explain_clip(report, "p"), width=160).split())
    for expected in (
        'FAIL c9 text_shown “the words "STAY DRY" are seen”',
        "asked: text: STAY DRY; within 60–100 % of the clip",
        "found: STAY DRV",
        "at 6.40–8.00 s; 0.125 character error rate beyond tolerance (tolerance 0 strict, 0.1 loose)",
        "? c2 face_count",
        "the only face is 14 pixels wide",
        "pass c8 loudness_trend",
        "1 events beyond tolerance (tolerance 0 strict, 1 loose); passes loosely",
        "exactly 3",
        "wrong word 1 × reign 5.44–6.00 s",
        "note 2 × A4 0.40–1.04 s, E5 2.00–2.64 s",
    ):
        assert expected in text, expected


def test_verdicts_let_nothing_steer_the_terminal():
    odd = "\x1b]0;owned\x07[bold]\u202e"
    item = samples.clip("a.mp4", prompt_id="p")
    found = [samples.measurement(item, name, made) for name, made in samples.control_outcomes(8.0, 1, odd).items()]
    report = build(found, [item], samples.CONTROL, prompts={"p": samples.prompt("p", odd)})
    text = table_of(report) + text_of(*explain_clip(report, "p"))
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert "[bold]" in text


def test_a_checker_card_of_the_package_is_read(tmp_path, monkeypatch):
    folder = tmp_path / "constraints" / "cards"
    folder.mkdir(parents=True)
    (folder / "tempo.json").write_text(json.dumps(samples.CARDS["text_shown"]), encoding="utf-8")
    (tmp_path / "constraints" / "secret.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(report_control.resources, "files", lambda package: tmp_path)
    assert report_control.checker_of("tempo") == samples.CARDS["text_shown"]["nominal"]
    assert report_control.checker_of("key") is None
    assert report_control.checker_of("../secret") is None
    assert report_words.format_checker(report_control.checker_of("tempo")) == "97 % (95–98)"
    assert report_words.format_checker(None) == "not calibrated"


@pytest.mark.parametrize(
    ("found", "labels", "expected"),
    [
        # what the checker marked wins, and takes its times from the words in order
        (
            "a [x, not b] [-c-] a [+d+] (word errors 75%, letter errors 9%)",
            ("word A", "wrong X", "word a", "wrong d."),
            [("", "A", 0), ("wrong", "X", 1), ("missing", "", None), ("", "a", 2), ("extra", "d.", 3)],
        ),
        ('"A x a"', ("word A", "wrong x", "word a"), [("", "A", 0), ("wrong", "x", 1), ("", "a", 2)]),
        ('"A b"; as likely: a bee', ("word A", "word b"), []),
        ("no speech", (), []),
        ("a [-b-] c (word errors 33%)", ("word c",), [("", "a", None), ("missing", "", None), ("", "c", 0)]),
        # the checker writes "eye" for all that sounds like it
        (
            "eye [-can-] here (word errors 33%)",
            ("word I", "word hear."),
            [("", "I", 0), ("missing", "", None), ("", "hear.", 1)],
        ),
    ],
)
def test_a_line_as_it_was_heard(found, labels, expected):
    spans = [
        {"kind": "span", "label": f"{'wrong ' * (mark == 'wrong')}word", "text": text, "start_s": k, "end_s": k + 1}
        for k, (mark, text) in enumerate(label.split() for label in labels)
    ]
    words, rates = report_control.transcript({"kind": "line_spoken", "found": found, "evidence": spans})
    assert [(word["mark"], word["heard"], word.get("start_s")) for word in words] == expected
    stated = {"text": "A, B C a"}
    words, _ = report_control.transcript({"kind": "line_spoken", "found": found, "evidence": spans, "stated": stated})
    if "[x, not b]" in found:
        assert [word["wanted"] for word in words] == ["A", "B", "C", "a", ""]
    assert rates == (found[found.index("(") :] if "(word" in found else "")
    assert report_control.transcript({"kind": "text_shown", "found": found, "evidence": spans}) == ([], "")


def test_the_text_is_cut_where_spans_begin_and_end():
    text = "one knock, then two"
    cut = report_control.pieces(text, ["knock", "knock, then", "", "not there", "two"])
    assert "".join(piece for piece, _ in cut) == text
    assert cut == [("one ", ()), ("knock", (0, 1)), (", then", (1,)), (" ", ()), ("two", (4,))]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"count_min": 2}, "at least 2"),
        ({"count_max": 2}, "at most 2"),
        ({"count_min": 1, "count_max": 2}, "1 to 2"),
        ({"at_s": 3.0}, "at: 3 s"),
        ({"chords": ["Am", "G7"]}, "chords: Am, G7"),
        ({"window_end": 0.5, "other_start": 0.5}, "within 0–50 % of the clip; against 50–100 % of the clip"),
        ({"of_a_plugin": True}, "of a plugin: True"),
    ],
)
def test_parameters_in_words(params, expected):
    assert report_words.format_asked({"id": "c", "kind": "k", "span": "s", **params}) == expected


@pytest.mark.parametrize(
    ("rate", "text"), [(None, "–"), (0.0, "0 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.996, ">99 %"), (1.0, "100 %")]
)
def test_a_rate_is_never_rounded_to_all_or_nothing(rate, text):
    assert report_words.format_percent(rate) == text
