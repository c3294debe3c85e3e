"""The page of a comparison: its text, and what it does in a real browser."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
import report_samples as samples
from browser import Browser
from test_report_page import Page, tiny_clip

from avgen_bench import compare
from avgen_bench.compare_page import render, write_html
from avgen_bench.report import build
from avgen_bench.types import Outcome

HOSTILE = samples.HOSTILE
DELAY = samples.facts("delay", high=2.0, direction=-1)
PROMPTS = 12


def run_of(system: str, gain: float, root: Path | None = None, signature: str = "v:1", prompts: int = PROMPTS):
    """A report on one system; its pictures are better by ``gain`` on every prompt, its delay is the same for all.

    With ``root`` the clips are real files below it, the first prompts'.
    """
    clips, found = [], []
    for k in range(prompts):
        item = samples.clip(f"{abs(samples.hash_text(system)) % 1000}/{k}.mp4", system=system, prompt_id=f"p{k:02d}")
        if root is not None:
            path = root / item.path
            if not (root / "one.mp4").exists():
                tiny_clip(root / "one.mp4")
            path.parent.mkdir(exist_ok=True)
            # an empty box at the end makes other bytes of the same clip
            path.write_bytes((root / "one.mp4").read_bytes() + b"\0\0\0\x0afree" + bytes([k, gain > 0]))
            item = replace(item, clip_id=hashlib.sha256(path.read_bytes()).hexdigest())
        clips.append(item)
        look = 0.2 + 0.02 * k + gain * (1 + k / PROMPTS)
        said = {"visual_quality": samples.ok(look), "delay": samples.ok(0.5 + 0.1 * ((k * 5 + (gain > 0)) % 7))}
        if k == 3 and gain:
            said["delay"] = Outcome("failed", None, "crash")
        found += [samples.measurement(item, name, outcome, signature=signature) for name, outcome in said.items()]
    return build(found, clips, (samples.DIMENSIONS[0], DELAY))


def two(**options):
    """A comparison of two systems, the second of which is better to look at."""
    runs = [("one", run_of("plain", 0.0, **options)), ("other", run_of("good", 0.25, **options))]
    return compare.build(runs, draws=400)


def test_differences_are_drawn_where_they_are(tmp_path):
    found = two()
    text = render(found, tmp_path, {})
    rows = re.findall(
        r'<div class="off (a|b|none)" role="row">\n<span role="rowheader"[^>]*>([^<]*)</span>\n(.*?)\n', text, re.S
    )
    assert [(better, name) for better, name, _ in rows] == [("b", "visual quality"), ("none", "delay")]
    edge = float(re.findall(r'<i style="left:100(?:\.0)?%">([\d.]+)</i>', text)[0]) / 100
    look, delay = found["pairs"]
    assert look["difference"] < 0 and look["better"] == "b"
    spot = [float(re.search(r'class="spot disc" style="left:([\d.]+)%', drawn)[1]) for *_, drawn in rows]
    assert spot[0] == pytest.approx(50 + 50 * look["difference"] / edge, abs=0.01) and spot[0] < 50
    # of a delay more is worse: the axis is turned round, so that right is better for A
    assert spot[1] == pytest.approx(50 - 50 * delay["difference"] / 2 / edge, abs=0.01)
    left, width = re.search(r'class="stretch" style="left:([\d.]+)%;width:([\d.]+)%', rows[0][2]).groups()
    assert float(left) == pytest.approx(50 + 50 * look["ci_low"] / edge, abs=0.01)
    assert float(left) + float(width) == pytest.approx(50 + 50 * look["ci_high"] / edge, abs=0.02)
    assert 'class="unknown"' in rows[1][2] and 'class="unknown"' not in rows[0][2]
    flat = " ".join("".join(Page(text).text).split())
    for words in (
        "good is better on visual quality",
        "not distinguishable on delay",
        "12 prompts in common",
        "no number: B: 1 failed; had they the worst or the best value, the difference would lie in",
        f"finds in 80 % of tries is visual quality {look['mdd']:.3f}, delay {delay['mdd']:.3f}",
        "All systems were measured alike",
        f"{look['difference']:.3f}".replace("-", "\N{MINUS SIGN}"),
    ):
        assert words in flat, words


def test_the_prompts_that_decide_come_hardest_first(tmp_path):
    found = two()
    page = Page(render(found, tmp_path, {}))
    cards = [item for item in page.all("article") if "duel" in (item["class"] or "")]
    listed = found["deciding"][0]["prompts"]
    assert [row["prompt_id"] for row in listed][:2] == ["p11", "p10"]
    look = sorted((item for item in cards if "data-rank-d0" in item), key=lambda item: int(item["data-rank-d0"] or 0))
    assert len(look) == len(listed) == 10
    ranks = [int(item["data-rank-any"] or 0) for item in cards]
    assert ranks == list(range(len(cards)))
    flat = " ".join("".join(page.text).split())
    first = listed[0]
    assert f"{first['a']:.3f}{first['b']:.3f}" in flat.replace(" ", "")


def test_several_systems_have_tiers_and_a_choice_of_pairs(tmp_path):
    runs = [(f"run{k}", run_of(f"s{k}", gain)) for k, gain in enumerate((0.0, 0.001, 0.3))]
    found = compare.build(runs, draws=400)
    text = render(found, tmp_path, {})
    assert [row["system"] for row in found["tiers"][0]["tiers"][0]] == ["s2"]
    section = text.split('<h2 id="tiers">')[1].split("</section>")[0]
    names = re.findall(r'tier (\d)</span>|class="which"><bdi>([^<]*)</bdi>', section.split("<h3>")[1])
    assert [number or name for number, name in names][:2] == ["1", "s2"]
    assert text.count('<option value="pair-') == 3
    assert '<h2 id="tiers">' not in render(two(), tmp_path, {})


def test_what_was_forced_stands_side_by_side(tmp_path):
    runs = [("one", run_of("plain", 0.0)), ("other", run_of("good", 0.2, signature="v:<2>"))]
    found = compare.build(runs, draws=400, force=True)
    text = render(found, tmp_path, {})
    assert "Not measured alike" in text
    table = text.split('<h2 id="signatures">')[1].split("</table>")[0]
    assert "visual quality, delay" in table
    assert re.findall(r'<td class="mono"><bdi>([^<]*)</bdi>', table) == ["1", "&lt;2&gt;"]
    assert "Not measured alike" not in render(two(), tmp_path, {})


def test_only_measured_clips_of_known_runs_are_linked(tmp_path):
    (tmp_path / "clips").mkdir()
    found = two(root=tmp_path / "clips")
    roots = {"one": tmp_path / "clips", "other": tmp_path / "clips"}
    linked = [item["src"] for item in Page(render(found, tmp_path, roots, "never")).all("video")]
    assert linked and all(re.fullmatch(r"clips/\d+/\d+\.mp4", source or "") for source in linked)
    assert len(Page(render(found, tmp_path, {"one": tmp_path / "clips"}, "never")).all("video")) < len(linked)
    first = next(item for item in run_of("plain", 0.0, tmp_path / "clips")["clips"] if item["path"] == linked[0][6:])
    posters = [
        item.get("poster")
        for item in Page(render(found, tmp_path, roots, "never", {first["clip_id"]: "QUJD"})).all("video")
    ]
    assert posters[0] == "data:image/jpeg;base64,QUJD" and set(posters[1:]) == {None}
    # a file that is not the clip that was measured is never put inside
    changed = tmp_path / (linked[0] or "")
    changed.write_bytes(b"a secret of this machine")
    inside = render(found, tmp_path, roots, "always")
    assert len(Page(inside).all("video")) == len(linked) - 1
    assert "No file at this path" in inside
    with pytest.raises(ValueError, match="embed is 'no'"):
        render(found, tmp_path, roots, "no")  # type: ignore[arg-type]


@pytest.mark.debian
@pytest.mark.parametrize("width", [1200, 390])
def test_clips_play_side_by_side(tmp_path, width):
    (tmp_path / "clips").mkdir()
    found = two(root=tmp_path / "clips")
    roots = {"one": tmp_path / "clips", "other": tmp_path / "clips"}
    path = write_html(found, tmp_path / "out" / "compare.html", roots, "never")
    with Browser(tmp_path / "profile") as browser:
        browser.resize(width, 900, mobile=width < 600)
        browser.open(path.as_uri())
        assert browser.value("document.documentElement.dataset.state") == "ready"
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        first = "document.querySelector('.duel')"
        browser.value(f"{first}.scrollIntoView()")
        browser.wait(f"[...{first}.querySelectorAll('video')].every((v) => v.dataset.state === 'ready')")
        boxes = browser.value(
            f"[...{first}.querySelectorAll('video')].map((v) => {{ const b = v.getBoundingClientRect();"
            " return [b.left, b.right, b.top]; })"
        )
        assert boxes[0][1] <= boxes[1][0] and boxes[0][2] == pytest.approx(boxes[1][2], abs=1)
        # in step: the other goes where this one is sent, unless the box is cleared
        videos = f"[...{first}.querySelectorAll('video')]"
        browser.value(f"{videos}[0].currentTime = 0.5")
        browser.wait(f"Math.abs({videos}[1].currentTime - 0.5) < 0.1")
        browser.value(f"{first}.querySelector('[data-do=step]').click()")
        browser.value(
            f"new Promise((done) => {{ {videos}[0].onseeked = done; {videos}[0].currentTime = 1; }}).then(() => 1)"
        )
        assert browser.value(f"{videos}[1].currentTime") == pytest.approx(0.5, abs=0.1)
        # from the keyboard
        browser.value(f"{first}.querySelector('[data-do=play]').focus()")
        browser.press(" ")
        browser.wait(f"{videos}.every((v) => v.played.length > 0)")
        assert browser.value(f"{videos}.map((v) => v.muted)") == [False, True]
        pick = "document.querySelector('.choice')"
        shown = "[...document.querySelectorAll('.duel')].filter((card) => !card.hidden)"
        order = f"{shown}.map((card) => card.querySelector('h3').innerText)"
        browser.value(f"{pick}.value = 'd0'; {pick}.dispatchEvent(new Event('change'))")
        assert browser.value(order) == [row["prompt_id"] for row in found["deciding"][0]["prompts"]]
        assert browser.value("document.documentElement.dataset.errors") == "0"
        assert browser.messages == []


@pytest.mark.debian
def test_hostile_names_stay_text(tmp_path):
    runs = [
        (HOSTILE, run_of(HOSTILE, 0.0)),
        ("b", run_of("b", 0.2, signature=f"v:{HOSTILE}".replace("|", ""))),
        ("c", run_of("c", 0.1)),
    ]
    found = compare.build(runs, draws=400, force=True)
    found["notes"].append(HOSTILE)
    for item in found["deciding"]:
        for row in item["prompts"]:
            row["prompt_id"] = HOSTILE
    text = render(found, tmp_path, {}, posters={"x": HOSTILE})
    assert text.count("<script>") == 1 and "<img" not in text
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    for name, page in (("page", text), ("bare", bare)):
        path = tmp_path / f"{name}.html"
        path.write_text(page, encoding="utf-8")
        with Browser(tmp_path / name) as browser:
            browser.open(path.as_uri())
            assert browser.value("document.documentElement.dataset.state") == "ready"
            assert browser.value("document.documentElement.dataset.errors") == "0"
            assert browser.value("String(window.pwned)") == "undefined"
            assert browser.value("document.querySelectorAll('.pair').length") == 3
            browser.value(
                "(() => { const s = document.getElementById('pair'); s.value = 'pair-2';"
                " s.dispatchEvent(new Event('change')); })()"
            )
            shown = "[...document.querySelectorAll('.pair')].filter((item) => item.offsetHeight > 0).map((i) => i.id)"
            assert browser.value(shown) == ["pair-2"]
            assert browser.messages == []


@pytest.mark.debian
def test_the_policy_stops_a_script_that_is_not_ours(tmp_path):
    text = render(two(), tmp_path, {})
    path = tmp_path / "compare.html"
    path.write_text(text.replace("</head>", "<script>window.pwned = 1</script></head>"), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.open(path.as_uri())
        assert browser.value("String(window.pwned)") == "undefined"
        assert browser.value("document.documentElement.dataset.state") == "ready"


def test_too_few_prompts_are_said_on_the_page(tmp_path):
    found = compare.build([(name, run_of(name, gain, prompts=6)) for name, gain in (("left", 0.1), ("right", 0.0))])
    text = render(found, tmp_path, {})
    assert "Too few prompts to find any difference: visual quality, delay." in text
    assert "What this comparison can see" not in text
