"""The page in a real browser, from file://, and its text without one."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import report_samples as samples

from avgen_bench.report import build
from avgen_bench.report_page import clip_url, render, write_html
from avgen_bench.types import Evidence, Outcome, Verdict

DIMENSIONS, HOSTILE = samples.DIMENSIONS, samples.HOSTILE

CHROMIUM = (  # nothing here reaches for the network
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=10000",
)
NAMES = ("plain.mp4", "ärger & <b>50 %25 #1?.mp4", "quote\"'s.mp4")
DURATION_S = 1.5


class Page(html.parser.HTMLParser):
    """Start tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        """Read the whole text."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Keep the text."""
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such tag."""
        return [attrs for name, attrs in self.tags if name == tag]


def tiny_clip(path: Path) -> None:
    """Write a real h264/aac clip of 96x64 pixels."""
    av = pytest.importorskip("av")
    np = pytest.importorskip("numpy")
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        picture = container.add_stream("libx264", rate=12)
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("aac", rate=24000, layout="mono")
        for index in range(int(12 * DURATION_S)):
            pixels = np.full((64, 96, 3), 40 + 8 * index, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        tone = np.sin(np.arange(int(24000 * DURATION_S)) / 20).astype(np.float32)[None] * 0.3
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 24000, 0
        container.mux(sound.encode(frame))
        container.mux(picture.encode())
        container.mux(sound.encode())


def tiny_report(
    *,
    root: Path | None = None,
    system: str = "",
    label: str = "",
    reason: str = "the instrument cannot tell",
    control: bool = False,
):
    """A report on three clips: one ordinary, one with an abstention, one with a floor and a failure.

    With ``root`` they have the ids of the files that lie there. With ``control`` their prompts state constraints, and
    the last one's have no verdicts.
    """
    clips = [
        samples.clip(f"in/{name}", system=system, prompt_id=f"{label}{k}", category=label)
        for k, name in enumerate(NAMES)
    ]
    if root is not None:
        clips = [replace(item, clip_id=hashlib.sha256((root / item.path).read_bytes()).hexdigest()) for item in clips]
    found = []
    for k, item in enumerate(clips):
        said = samples.outcomes(DURATION_S, k)
        if k == 1:
            said["av_sync"] = Outcome("abstained", None, reason)
        if k == 2:
            said["audio_quality"] = samples.ok(0.0, reason="silent clip: no sound track")
            said["av_sync"] = Outcome("failed", None, reason)
        if label:
            odd = (Evidence("note", label, text=label), Evidence("span", label, start_s=0.1, end_s=0.4, text=label))
            odd += (Evidence("part", label, 1.0, label, 0.5), Evidence("curve", label, unit=label, x=(0, 1), y=(0, 1)))
            odd += (Evidence("curve", label, unit=label, x=(0, 1), y=(0, 1), x_unit=label),)
            said["visual_quality"] = samples.ok(0.5, *odd, reason=reason)
        if control and k < 2:
            said |= samples.control_outcomes(DURATION_S, 2 - k, label)
        elif control:
            said |= {facts.name: Outcome("failed", None, reason) for facts in samples.CONTROL}
        found += [samples.measurement(item, name, outcome) for name, outcome in said.items()]
    pixel = base64.b64encode(bytes.fromhex("ffd8ffd9")).decode()
    return build(
        found,
        clips,
        (*DIMENSIONS, *samples.CONTROL) if control else DIMENSIONS,
        prompts={item.prompt_id: samples.prompt(item.prompt_id, label) for item in clips} if control else None,
        checkers=samples.CARDS,
        thumbnails={clips[0].clip_id: samples.thumbnails([pixel] * 3, DURATION_S)},
        media={item.clip_id: samples.media(DURATION_S) for item in clips},
        signature=label,
    )


def render_clips(root: Path) -> None:
    """Write the three clips below ``root``."""
    tiny_clip(root / "in" / NAMES[0])
    for number, name in enumerate(NAMES[1:], 1):  # an empty box at the end makes other bytes of the same clip
        data = (root / "in" / NAMES[0]).read_bytes() + number * b"\0\0\0\x08free"
        (root / "in" / name).write_bytes(data)


def browse(page: Path, profile: Path) -> tuple[Page, str]:
    """The page's DOM after its script ran, and what the browser logged."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no chromium")
    done = subprocess.run(
        [binary, *CHROMIUM, f"--user-data-dir={profile}", "--dump-dom", page.absolute().as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return Page(done.stdout), done.stderr


@pytest.mark.debian
@pytest.mark.parametrize("embed", ["always", "never"])
def test_numbers_and_players_are_in_the_dom(tmp_path, embed):
    render_clips(tmp_path / "clips")
    report = tiny_report(root=tmp_path / "clips")
    path = write_html(report, tmp_path / "out" / "report.html", tmp_path / "clips", embed)
    page, log = browse(path, tmp_path / "profile")
    root = page.all("html")[0]
    assert root["data-state"] == "ready"
    assert root["data-errors"] == "0", root.get("data-last-error")
    assert "CONSOLE" not in log, log
    players = page.all("video")
    assert [player["data-state"] for player in players] == ["ready"] * 3
    assert all(float(player["data-seconds"] or 0) == pytest.approx(DURATION_S, abs=0.2) for player in players)
    inside = [(player["src"] or "").startswith("data:video/mp4;base64,") for player in players]
    assert inside == [embed == "always"] * 3
    text = " ".join("".join(page.text).split())
    for estimate in report["estimates"]:
        assert f"{estimate['mean']:.3f}" in text
        if estimate["n"] > 1:
            assert f"{estimate['ci_low']:.3f} to {estimate['ci_high']:.3f}" in text
    for row in report["clips"]:
        for cell in row["measurements"].values():
            assert (f"{cell['value']:.3f}" if cell["status"] == "ok" else cell["reason"]) in text


@pytest.mark.debian
def test_hostile_text_stays_text(tmp_path):
    render_clips(tmp_path / "clips")
    report = tiny_report(root=tmp_path / "clips", system=HOSTILE, label=HOSTILE, reason=HOSTILE, control=True)
    path = write_html(report, tmp_path / "report.html", tmp_path / "clips")
    text = path.read_text(encoding="utf-8")
    page, log = browse(path, tmp_path / "profile")
    assert page.all("html")[0]["data-state"] == "ready"
    assert page.all("html")[0]["data-errors"] == "0"
    assert "CONSOLE" not in log, log
    assert len(page.all("script")) == 1
    assert not [image for image in page.all("img") if not (image["src"] or "").startswith("data:image/jpeg")]
    assert "{{7*7}}" in text  # and not the 49 of a template that renders its data
    # the policy is the second line of defence: the escaping must hold without it
    bare = tmp_path / "bare.html"
    bare.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text), encoding="utf-8")
    probe = "<script>document.documentElement.dataset.pwned = String(window.pwned)</script></body>"
    bare.write_text(bare.read_text(encoding="utf-8").replace("</body>", probe), encoding="utf-8")
    assert browse(bare, tmp_path / "profile")[0].all("html")[0]["data-pwned"] == "undefined"


@pytest.mark.debian
def test_the_policy_stops_a_script_that_is_not_ours(tmp_path):
    text = render(tiny_report(), tmp_path, tmp_path)
    path = tmp_path / "report.html"
    foreign = "<script>document.documentElement.dataset.pwned = '1'</script></head>"
    path.write_text(text.replace("</head>", foreign), encoding="utf-8")
    root = browse(path, tmp_path / "profile")[0].all("html")[0]
    assert "data-pwned" not in root
    assert root["data-state"] == "ready"


PROBE = """<script>addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement, card = document.querySelector(".card");
  const choose = (id, value) => {
    const field = document.getElementById(id);
    field.value = value;
    field.dispatchEvent(new Event(field.type === "search" ? "input" : "change", {bubbles: true}));
    return [...document.querySelectorAll(".card")].filter((item) => !item.hidden).map((item) => item.id).join(" ");
  };
  const plot = card.querySelector(".lane.curve .plot"), box = plot.getBoundingClientRect();
  const there = {clientX: box.left + 0.5 * box.width, clientY: box.top + 2, bubbles: true};
  plot.dispatchEvent(new PointerEvent("pointermove", there));
  root.dataset.hover = card.querySelectorAll(".lane.curve .reach")[1].textContent;
  plot.dispatchEvent(new MouseEvent("click", there));
  root.dataset.sought = card.querySelector("video").currentTime.toFixed(2);
  root.dataset.playhead = card.querySelector(".timeline").style.getPropertyValue("--t");
  root.dataset.best = choose("sort", "d0") && choose("order", "best");
  root.dataset.worst = choose("order", "worst");
  root.dataset.sync = choose("sort", "d3") && choose("order", "best");
  root.dataset.abstained = choose("status", "abstained");
  root.dataset.none = choose("find", "no such clip");
  root.dataset.said = document.getElementById("shown").textContent;
}, 500))</script></body>"""


@pytest.mark.debian
def test_the_timeline_seeks_and_the_tools_sort(tmp_path):
    render_clips(tmp_path / "clips")
    report = tiny_report(root=tmp_path / "clips")
    text = render(report, tmp_path, tmp_path / "clips")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", PROBE)
    (tmp_path / "report.html").write_text(bare, encoding="utf-8")
    root = browse(tmp_path / "report.html", tmp_path / "profile")[0].all("html")[0]
    assert root["data-errors"] == "0", root.get("data-last-error")
    assert root["data-sought"] == f"{DURATION_S / 2:.2f}"
    assert float(root["data-playhead"] or 0) == pytest.approx(0.5, abs=0.01)
    assert "at 0.75 s" in (root["data-hover"] or "")
    order = [f"clip-{row}" for row in report["worst_first"]["visual_quality"]]
    assert (root["data-worst"], root["data-best"]) == (" ".join(order), " ".join(reversed(order)))
    assert root["data-sync"] == "clip-0 clip-2 clip-1"  # a number, then the failed one, then the abstained one
    assert root["data-abstained"] == "clip-1"
    assert (root["data-none"], root["data-said"]) == ("", "0 of 3 clips")


PICK = """<script>addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement, card = document.getElementById("clip-1");
  const line = (key) => card.querySelector(`.constraint[data-key=${key}]`);
  const lanes = () => [...card.querySelectorAll(".lane[data-of]")].filter((item) => item.offsetHeight > 0);
  const shown = () => [...document.querySelectorAll(".card")].filter((item) => !item.hidden).map((item) => item.id);
  root.dataset.before = lanes().map((item) => item.dataset.of).join(" ");
  line("v2").querySelector(".pick").click();
  root.dataset.sought = card.querySelector("video").currentTime.toFixed(3);
  root.dataset.pressed = card.querySelectorAll("[aria-pressed=true]").length;
  root.dataset.lanes = lanes().map((item) => item.className).join(", ");
  const timeline = card.querySelector(".timeline");
  root.dataset.band = timeline.style.getPropertyValue("--m0") + " " + timeline.style.getPropertyValue("--m1");
  root.dataset.marked = timeline.className;
  const said = [...card.querySelectorAll(".said")].find((item) => item.textContent.includes("three knocks"));
  said.focus();
  const tip = document.querySelector(".tip");
  root.dataset.tip = tip.hidden ? "" : tip.textContent;
  said.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
  root.dataset.chosen = [...card.querySelectorAll(".said.chosen")].map((item) => item.textContent).join("|");
  root.dataset.hash = location.hash;
  dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
  root.dataset.told = String(tip.hidden);
  card.querySelector(".moments button:last-child").click();
  root.dataset.last = card.querySelector("[aria-pressed=true]").dataset.pick;
  const failed = document.getElementById("failed");
  failed.click();
  root.dataset.failed = shown().join(" ");
  root.dataset.left = [...card.querySelectorAll(".constraint")].filter((item) => item.offsetHeight > 0).length;
  const kind = document.getElementById("kind");
  kind.value = [...kind.options].find((item) => item.textContent.startsWith("loudness")).value;
  kind.dispatchEvent(new Event("change", {bubbles: true}));
  root.dataset.none = shown().join(" ");
  failed.click();
  root.dataset.loudness = shown().sort().join(" ");
  root.dataset.wide = String(root.scrollWidth > root.clientWidth);
}, 500))</script></body>"""


@pytest.mark.debian
def test_constraints_are_picked_and_filtered(tmp_path):
    render_clips(tmp_path / "clips")
    text = render(tiny_report(root=tmp_path / "clips", control=True), tmp_path, tmp_path / "clips")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", PICK)
    (tmp_path / "report.html").write_text(bare, encoding="utf-8")
    page, log = browse(tmp_path / "report.html", tmp_path / "profile")
    root = page.all("html")[0]
    assert root["data-errors"] == "0", root.get("data-last-error")
    assert "CONSOLE" not in log, log
    assert root["data-before"] == "v0"  # the first that fails and has evidence
    assert float(root["data-sought"] or 0) == pytest.approx(0.05 * DURATION_S, abs=0.01)
    assert (root["data-pressed"], root["data-marked"]) == ("1", "timeline picks fail marked moved")
    assert root["data-lanes"] == "lane roll first shown, lane curve shown"
    assert [float(edge) for edge in (root["data-band"] or "").split()] == pytest.approx([0.05, 0.33], abs=0.001)
    assert root["data-tip"] == "c5 event count: fail; found: 4 sharp sounds; 0.60–0.88 s\n" + (
        "c6 even spacing: fail; found: spread 0.23"
    )
    assert root["data-chosen"] == "exactly |three knocks on the lid"
    assert (root["data-hash"], root["data-told"], root["data-last"]) == ("", "true", "v8")
    assert (root["data-failed"], root["data-left"]) == ("clip-1 clip-0", "7")
    assert (root["data-none"], root["data-loudness"]) == ("", "clip-0 clip-1 clip-2")
    assert root["data-wide"] == "false"


def test_every_constraint_is_told_without_a_script(tmp_path):
    report = tiny_report(control=True)
    text = render(report, tmp_path, tmp_path)
    page = Page(text)
    lines = [item for item in page.all("li") if (item.get("class") or "").startswith("constraint ")]
    words = [(item["class"] or "").split()[1] for item in lines]
    assert len(lines) == 30 and words.count("unmeasured") == 10
    anchors = {item["id"] for item in lines}
    links = [item for item in page.all("a") if (item.get("class") or "").startswith("said ")]
    assert len(links) >= 3 * 10 and all((item["href"] or "#")[1:] in anchors for item in links)
    assert len([tag for tag, _ in page.tags if tag == "a"]) - len(links) < 40
    flat = " ".join("".join(page.text).split())
    assert flat.count(samples.PROMPT_TEXT) == 3
    for expected in (
        "0 of 2 clips obey every constraint of their prompt (0 %, 0–66), 0 loosely; 1 more could not be verified",
        "text shown",
        "97 % (95–98)",
        "not calibrated",
        "the nearest line differs in 1 letter of 8",
        "asked text: STAY DRY; within 60–100 % of the clip",
        "“reign” where “rain” is asked",
        "0 of 1 pass",
    ):
        assert expected in flat, expected
    assert '<i class="wrong"' in text and 'class="note expected"' in text and 'class="note wrong"' in text


STILLS = """<script>addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement, card = document.getElementById("clip-0");
  const line = (key) => card.querySelector(`.constraint[data-key=${key}]`);
  const over = () => [...card.querySelectorAll(".boxes:not([hidden]) i:not([hidden])")];
  const boxes = () => over().map((item) => item.textContent);
  const levels = (key) => [...line(key).querySelectorAll("canvas.drawn")].map(
    (item) => item.getContext("2d").getImageData(item.width / 2, item.height / 2, 1, 1).data[1]).join(" ");
  root.dataset.before = document.querySelectorAll(".stills[data-state]").length;
  line("v8").querySelector(".pick").click();
  root.dataset.read = boxes().join("|");
  const box = card.querySelector(".boxes:not([hidden]) i").getBoundingClientRect();
  const player = card.querySelector("video").getBoundingClientRect();
  root.dataset.place = [(box.left - player.left) / player.width, (box.bottom - player.top) / player.height].join(" ");
  line("v1").querySelector(".pick").click();
  root.dataset.face = boxes().join("|");
  // the budget is of made-up time, but the decoder takes real time: ticks cost some while it works
  let ticks = 0, sum = 0;
  const look = setInterval(() => {
    if (["v1", "v8"].every((key) => line(key).querySelector(".stills").dataset.state === "drawn")) {
      clearInterval(look);
      root.dataset.levels = levels("v8") + "; " + levels("v1");
    } else if (++ticks < 1500) for (let k = 0; k < 1e6; k++) sum += Math.sqrt(k);
  }, 5);
}, 500))</script></body>"""


@pytest.mark.debian
def test_boxes_lie_over_the_player_and_stills_are_cut_from_the_clip(tmp_path):
    render_clips(tmp_path / "clips")
    text = render(tiny_report(root=tmp_path / "clips", control=True), tmp_path, tmp_path / "clips", "always")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", STILLS)
    (tmp_path / "report.html").write_text(bare, encoding="utf-8")
    root = browse(tmp_path / "report.html", tmp_path / "profile")[0].all("html")[0]
    assert root["data-errors"] == "0", root.get("data-last-error")
    assert root["data-before"] == "0"  # nothing is decoded before somebody asks
    assert (root["data-read"], root["data-face"]) == ("text read", "face, person 1")
    # the picture is 3:2 and its player 20:11, so there are bars beside it
    left = 0.5 + (0.25 - 0.5) * (3 / 2) / (20 / 11)
    assert [float(edge) for edge in (root["data-place"] or "").split()] == pytest.approx([left, 0.82], abs=0.01)
    read, face = (float(level) for level in (root["data-levels"] or "").split("; "))
    # every frame of the clip is 8 codes brighter than the one before: the stills are of 1.35 s and of 0.75 s
    assert read == pytest.approx(40 + 8 * 16, abs=9)
    assert face == pytest.approx(40 + 8 * 9, abs=9)


def test_boxes_of_what_was_read_and_of_faces_reach_the_page(tmp_path):
    from avgen_bench.constraints.sight import Sight
    from avgen_bench.types import Constraint, FaceTracks, Prompt, TextSpans

    box = (0.1, 0.2, 0.3, 0.4)
    looks = (0.0, 0.5, 1.0)
    read = TextSpans(("EXIT", "STAY DRX"), (0.0, 0.0), (2.0, 2.0), (0.9, 0.99), ((0.8, 0, 0.9, 0.1), box), looks)
    faces = FaceTracks((0.0,), (2.0,), (0,), (1.0,), (0.95,), (box,), looks, (1, 1, 1))
    shown = Constraint("c1", "text_shown", "x", (("text", "STAY DRY"),))
    count = Constraint("c2", "face_count", "y", (("count_max", 1), ("count_min", 1)))
    prompt = Prompt("p", "x y", constraints=(shown, count))
    sight = Sight(prompt, samples.media(2.0), {"ocr": read, "faces": faces})
    item = samples.clip("a.mp4", prompt_id="p")
    (tmp_path / "a.mp4").write_bytes(b"x")
    found = [
        samples.measurement(item, theme, Outcome("ok", 1.0, verdicts=(sight.check(stated),)))
        for theme, stated in (("text", shown), ("faces", count))
    ]
    dimensions = [facts for facts in samples.CONTROL if facts.name in ("text", "faces")]
    report = build(found, [item], dimensions, media={item.clip_id: samples.media(2.0)}, prompts={"p": prompt})
    page = Page(render(report, tmp_path, tmp_path, "never"))
    stills = [(still["data-at"], still["data-box"], still["aria-label"]) for still in page.all("canvas")]
    place = "0.1000 0.2000 0.3000 0.4000"
    assert stills[0] == ("1.0", place, "picture at 1.0 s around STAY DRX")  # likest to the words asked for
    assert stills[1][2] == "picture at 1.0 s around EXIT"
    assert stills[2] == ("1.0", place, "picture at 1.0 s around face, person 1")
    over = [item["style"] for item in page.all("i") if "data-from" in item]
    assert over[0] == over[2] == "left:10.0%;top:20.0%;width:20.0%;height:20.0%"


def test_a_box_is_kept_and_checked():
    item = Evidence("span", "A", start_s=0.0, end_s=1.0, box=(0.0, 0.1, 0.5, 0.6))
    assert Evidence.from_json(json.loads(json.dumps(item.to_json()))) == item
    assert "box" not in Evidence("span", "A").to_json()
    for wrong in ((0.5, 0.1, 0.4, 0.6), (0.0, 0.1, 0.5), (0.0, 0.1, 0.5, float("nan"))):
        with pytest.raises(ValueError, match="box"):
            Evidence("span", "A", box=wrong)  # type: ignore[arg-type]


def one_verdict(tmp_path: Path, theme: str, params: dict, verdict: Verdict) -> str:
    """The page of one clip of four seconds with one verdict."""
    from avgen_bench.types import Constraint, Prompt

    item = samples.clip("a.mp4", prompt_id="p")
    stated = Constraint(verdict.id, verdict.kind, "this", tuple(sorted(params.items())))
    report = build(
        [samples.measurement(item, theme, Outcome("ok", 1.0, verdicts=(verdict,)))],
        [item],
        [facts for facts in samples.CONTROL if facts.name == theme],
        media={item.clip_id: samples.media(4.0)},
        prompts={"p": Prompt("p", "all of this", constraints=(stated,))},
    )
    return render(report, tmp_path, tmp_path)


def test_a_sequence_is_set_beside_the_notes_asked_for(tmp_path):
    heard = tuple(Evidence("span", name, start_s=k, end_s=k + 0.8) for k, name in enumerate(("A3", "G3", "E3")))
    verdict = Verdict("c1", "note_sequence", "fail", "fail", "A3, G3, E3", "2 wrong", start_s=0.0, evidence=heard)
    text = one_verdict(tmp_path, "music", {"notes": ("A3", "F#3", "E3", "C3")}, verdict)
    titles = re.findall(r'title="((?:wrong|expected)? ?note [^"]*)"', text)
    assert sorted(titles) == [
        "expected note C3, 2.80–3.10 s",
        "expected note F#3, 1.00–1.80 s",
        "note A3, 0.00–0.80 s",
        "note E3, 2.00–2.80 s",
        "wrong note G3, 1.00–1.80 s",
    ]
    in_any_octave = one_verdict(tmp_path, "music", {"notes": ("A", "F#", "E", "C")}, verdict)
    assert "wrong note" not in in_any_octave and "expected note" not in in_any_octave


def test_what_was_read_is_neither_a_mark_nor_a_note(tmp_path):
    read = tuple(Evidence("span", name, start_s=0.5 * k, end_s=2.0) for k, name in enumerate(("A4", "wrong way")))
    verdict = Verdict("c1", "text_shown", "pass", "pass", "A4", evidence=read)
    text = one_verdict(tmp_path, "text", {"text": "A4", "window_end": 0.5}, verdict)
    assert 'title="A4, 0.00–2.00 s">A4</i>' in text and 'title="wrong way, 0.50–2.00 s">wrong way</i>' in text
    assert "lane roll" not in text and 'class="wrong"' not in text
    assert 'style="left:0.0%;width:50.0%" title="asked within 0.00–2.00 s"' in text


def test_wrong_and_missing_words_are_marked_in_the_line(tmp_path):
    said = tuple(
        Evidence("span", label, start_s=start, end_s=start + 0.3, text=word)
        for label, word, start in (("word", "Let", 1.0), ("word", "it", 1.4), ("wrong word", "reign.", 1.8))
    )
    marked = Verdict(
        "c1", "line_spoken", "fail", "fail", "let it [reign, not rain] [-now-] (word errors 50%)", "x", evidence=said
    )
    text = one_verdict(tmp_path, "speech", {"text": "Let it rain now."}, marked)
    line = " ".join(Page(text[text.index('<p class="heard">') :].split("</p>")[0]).text).split()
    assert line == ["heard", "Let", "it", "rain", "reign.", "now", "(word", "errors", "50%)"]
    assert '<del><bdi>rain</bdi></del> <ins class="word wrong" data-t="1.8" title="wrong: asked rain">' in text
    assert '<del title="missing"><bdi>now</bdi></del>' in text
    plain = one_verdict(tmp_path, "speech", {"text": "x"}, replace(marked, found='"Let it reign."'))
    assert '<ins class="word wrong" data-t="1.8" title="wrong"><bdi>reign.</bdi></ins>' in plain
    assert "<del" not in plain[plain.index('<p class="heard">') :].split("</p>")[0]


def test_ladders_are_drawn_asked_against_measured(tmp_path):
    from avgen_bench.types import Prompt, Rung

    asks = {
        ("event_count", "knocks", "events"): ((1, 3, 5), (1.0, 3.0, None)),
        ("event_count", "claps", "events"): ((2, 4, 6), (2.0, 5.0, 6.0)),
        ("brightness", "lamp", "lux"): ((0.3, 20, 80000), (0.2, 0.1, 0.7)),
        ("playing_speed", "run", "factor"): ((0.5, 1, 2), (0.05, 0.1, 0.2)),
    }
    prompts, clips, readings = {}, [], {}
    for (dial, group, unit), (amounts, values) in asks.items():
        for rung, (amount, value) in enumerate(zip(amounts, values, strict=True), 1):
            name = f"{group}-{rung}"
            prompts[name] = Prompt(name, "x", ladder=Rung(group, dial, unit, float(amount), rung))
            clips.append(samples.clip(f"{name}.mp4", prompt_id=name))
            readings[clips[-1].key] = value
    report = build([], clips, DIMENSIONS, prompts=prompts, readings=readings)
    [found] = report["ladders"]
    assert [group["measured"] for group in found["groups"] if group["group"] == "knocks"] == [[1.0, 3.0, None]]
    text = render(report, tmp_path, tmp_path)
    plots = dict(
        zip(("event count", "playing speed", "brightness"), text.split('<figure class="dial">')[1:], strict=True)
    )
    for name, plot in plots.items():
        assert f"<b>{name}</b>" in plot
    counts = plots["event count"]
    dots = {
        title: (float(x), float(y), int(clip))
        for clip, title, x, y in re.findall(
            r'href="#clip-(\d+)"><title>([^<]*)</title><circle class="dot" cx="([\d.]+)" cy="([\d.]+)"', counts
        )
    }
    assert len(dots) == 5
    [ideal] = re.findall(r'class="ideal" points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', counts)
    x0, y0, x1, y1 = map(float, ideal)
    for title, (x, y, clip) in dots.items():
        group, asked, got = re.fullmatch(r"(\w+): asked (\d) events, measured (\d) events", title).groups()
        above = y0 + (x - x0) / (x1 - x0) * (y1 - y0) - y
        assert (above > 2) == (got > asked) and (abs(above) < 0.2) == (got == asked)
        assert report["clips"][clip]["prompt_id"].startswith(group)
    assert "knocks: asked 5 events, nothing to read" in counts and counts.count('class="silent"') == 1
    assert 'class="ideal"' not in plots["brightness"].split("</figure>")[0]
    assert "lamp: asked 80000 lux, measured 0.7" in plots["brightness"]
    across = [float(x) for x in re.findall(r'cx="([\d.]+)"', plots["brightness"].split("</figure>")[0])]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.2)  # rungs, not lux
    speeds = plots["playing speed"].split("</figure>")[0]
    [ideal] = re.findall(r'class="ideal" points="([^"]*)"', speeds)
    ends = [tuple(map(float, pair.split(","))) for pair in ideal.split()]
    middle = [float(x) for x in re.findall(r'c[xy]="([\d.]+)"', speeds)][2:4]
    slope = (ends[1][1] - ends[0][1]) / (ends[1][0] - ends[0][0])
    assert ends[0][1] + slope * (middle[0] - ends[0][0]) == pytest.approx(middle[1], abs=0.5)  # all of it obeys
    flat = " ".join("".join(Page(text).text).split())
    assert "all dials" in flat and "tau: 0.33" in flat and "ladders: 1/2" in flat and "rungs read: 5/6" in flat
    assert 'id="ladders"' not in render(tiny_report(), tmp_path, tmp_path)


def test_notes_named_by_their_label_and_overlapping_lines_are_drawn(tmp_path):
    item = samples.clip("a.mp4", prompt_id="p")
    heard = [Evidence("span", name, start_s=k, end_s=k + 0.5) for k, name in enumerate(("A4", "C#5 +20 cents"))]
    heard.append(Evidence("span", "expected note", value=76.0))
    read = [Evidence("span", f"LINE {k}", start_s=k / 2, end_s=k / 2 + 1.0, value=0.9) for k in range(3)]
    found = [
        samples.measurement(
            item, theme, Outcome("ok", 1.0, evidence=(), verdicts=(Verdict(id_, kind, "pass", "pass", evidence=seen),))
        )
        for theme, id_, kind, seen in (
            ("music", "c3", "note_sequence", tuple(heard)),
            ("text", "c9", "text_shown", tuple(read)),
        )
    ]
    dimensions = [facts for facts in samples.CONTROL if facts.name in ("music", "text")]
    media = {item.clip_id: samples.media(4.0)}
    text = render(build(found, [item], dimensions, media=media), tmp_path, tmp_path)
    assert "note A4, 0.00–0.50 s" in text and "note C#5 +20 cents, 1.00–1.50 s" in text and "expected note E5" in text
    assert [int(top) for top in re.findall(r'top:(\d+)px" title="LINE', text)] == [1, 21, 1]


@pytest.mark.debian
def test_a_run_remembers_the_prompts_that_its_report_quotes(tmp_path):
    from avgen_bench import runner

    tiny_clip(tmp_path / "clips" / "p0.mp4")
    rows = [samples.prompt("p0").to_json(), {"id": "p1", "text": "a second one, which states nothing"}]
    file = tmp_path / "prompts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = runner.score(tmp_path / "clips", tmp_path / "run", prompts=file, dimensions=["audio_quality"], workers=0)
    assert list(made["prompts"]) == ["p0"]
    assert made["prompts"]["p0"]["text"] == samples.PROMPT_TEXT
    assert made == runner.read_report(tmp_path / "run")
    value = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    del value["prompts"]  # as runs were written before
    (tmp_path / "run" / "run.json").write_text(json.dumps(value), encoding="utf-8")
    assert runner.read_report(tmp_path / "run")["prompts"] == {}


def test_page_refers_to_nothing_outside(tmp_path):
    page = Page(render(tiny_report(), tmp_path, tmp_path))
    links = [attrs[name] or "" for _, attrs in page.tags for name in ("src", "href") if name in attrs]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not page.all("link")
    assert str(tmp_path) not in " ".join(page.text)


def test_every_status_and_word_is_explained(tmp_path):
    page = Page(render(tiny_report(), tmp_path, tmp_path))
    terms = {"".join(text.split()) for text in page.text}
    assert {"95%interval", "n", "abstained", "failed", "atfloor", "mean"} <= terms
    text = " ".join("".join(page.text).split())
    assert "10 measured (1 at the floor), 1 abstained, 1 failed" in text
    assert "The run is not complete" not in text


def test_a_clip_without_a_file_has_no_player_and_all_numbers(tmp_path):
    page = Page(render(tiny_report(), tmp_path, tmp_path / "nowhere"))
    assert not page.all("video")
    assert "No file at this path when the page was written." in page.text


def test_a_pipe_is_not_opened(tmp_path):
    import os

    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / NAMES[0])
    assert not Page(render(tiny_report(), tmp_path, tmp_path, "always")).all("video")


def test_worst_clips_come_first_and_every_order_is_there(tmp_path):
    report = tiny_report()
    cards = Page(render(report, tmp_path, tmp_path)).all("article")
    assert cards[0]["id"] == "clip-2"  # at the floor in sound
    for k, name in enumerate(report["worst_first"]):
        order = sorted(cards, key=lambda card, k=k: int(card[f"data-rank-d{k}"] or 0))
        assert [card["id"] for card in order] == [f"clip-{row}" for row in report["worst_first"][name]]


def test_embedding_follows_the_size_of_all_clips(tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(b"x" * 100)
    report = tiny_report(root=tmp_path)

    def sources(embed: str = "auto") -> list[str]:
        return [player["src"] or "" for player in Page(render(report, tmp_path, tmp_path, embed)).all("video")]

    assert [source.startswith("data:") for source in sources()] == [True] * 3
    monkeypatch.setattr("avgen_bench.report_page.EMBED_LIMIT_BYTES", 299)
    assert set(sources()) == {
        "in/plain.mp4",
        "in/%C3%A4rger%20%26%20%3Cb%3E50%20%2525%20%231%3F.mp4",
        "in/quote%22%27s.mp4",
    }
    assert [source.startswith("data:") for source in sources("always")] == [True] * 3
    with pytest.raises(ValueError, match="embed"):
        sources("sometimes")


def test_urls_cannot_name_a_scheme(tmp_path):
    assert clip_url(tmp_path / "javascript:alert(1).mp4", tmp_path) == "javascript%3Aalert%281%29.mp4"
    assert clip_url(tmp_path / "a" / "b.mp4", tmp_path / "c" / "d") == "../../a/b.mp4"
    assert clip_url(tmp_path / "b\udcff.mp4", tmp_path) == "b%FF.mp4"


def test_page_is_the_same_for_the_same_report(tmp_path):
    assert render(tiny_report(), tmp_path, tmp_path) == render(tiny_report(), tmp_path, tmp_path)


def test_an_empty_run_is_a_page(tmp_path):
    page = Page(render(build([], [], DIMENSIONS), tmp_path, tmp_path))
    assert "0 clips, 0 systems, 4 dimensions: 0 measured (0 at the floor), 0 abstained, 0 failed." in page.text


@pytest.mark.debian
def test_only_the_clip_that_was_measured_is_put_into_the_page(tmp_path):
    """A manifest or a run folder may name any file: what is no clip, or another one, stays out."""
    render_clips(tmp_path / "clips")
    report = tiny_report(root=tmp_path / "clips")
    (tmp_path / "clips" / "in" / NAMES[1]).write_bytes(b"a secret")
    report["clips"][2]["media"] = None
    text = render(report, tmp_path, tmp_path / "clips", "always")
    assert base64.b64encode(b"a secret").decode() not in text
    assert len(Page(text).all("video")) == 1


# --------------------------------------------------------------------------- profile, categories, total, failures


def wide_report(*, systems: tuple[str, ...] = ("a", "b"), prompts: int = 24, hostile: str = ""):
    """A report on two categories of prompts: b is better than a, one dimension runs the other way round."""
    delay = samples.facts("delay", high=2.0, direction=-1)
    clips, found = [], []
    for place, system in enumerate(systems):
        for k in range(prompts):
            item = samples.clip(
                f"{place}/{k}.mp4",
                system=system,
                prompt_id=f"p{k:02d}",
                category=hostile or ("ads" if k < 4 else "world_news"),
            )
            clips.append(item)
            value = 0.2 + min(0.3 * place, 0.5) + 0.01 * ((7 * k) % 24)
            said = {"visual_quality": samples.ok(value), "delay": samples.ok(2 - 2 * value)}
            said["av_sync"] = Outcome("abstained", None, "cannot tell") if k % 2 else samples.ok(value)
            if k == 5 and place:
                said["delay"] = Outcome("failed", None, "limit: the clip lasts 90.0 s; the limit max_duration_s is 60")
            found += [samples.measurement(item, name, outcome) for name, outcome in said.items()]
    return build(
        found, clips, (DIMENSIONS[0], DIMENSIONS[3], delay), receipts={"file": "r", "clips": 2, "sha256": "ff"}
    )


def plots_of(text: str) -> dict[str, list[dict[str, float]]]:
    """By row of the profile, the places of every system's mark, interval and bounds."""
    found = {}
    section = text.split('<h2 id="profile">')[1].split("</section>")[0]
    for name, field in re.findall(
        r'class="which">([^<]*)</span>\n(<span class="field".*?)<span class="ends', section, re.S
    ):
        rows = []
        for one in field.split('<span class="one"')[1:]:
            row = {}
            for kind, left in re.findall(r'<i class="(spot|stretch|unknown)[^"]*" style="left:([\d.]+)%', one):
                row[kind] = float(left)
            rows.append(row)
        found[name] = rows
    return found


def test_the_profile_has_better_to_the_right_on_every_scale(tmp_path):
    report = wide_report()
    plots = plots_of(render(report, tmp_path, tmp_path))
    means = {(item["dimension"], item["system"]): item for item in report["estimates"]}
    assert list(plots) == ["visual quality", "av sync", "delay"]
    for rank, system in enumerate("ab"):
        item = means["visual_quality", system]
        assert plots["visual quality"][rank]["spot"] == pytest.approx(100 * item["mean"], abs=0.01)
        assert plots["visual quality"][rank]["stretch"] == pytest.approx(100 * item["ci_low"], abs=0.01)
        late = means["delay", system]  # 2 is worst and 0 best
        assert plots["delay"][rank]["spot"] == pytest.approx(100 - 50 * late["mean"], abs=0.01)
        assert plots["delay"][rank]["stretch"] == pytest.approx(100 - 50 * late["ci_high"], abs=0.01)
        bounds = means["av_sync", system]
        assert plots["av sync"][rank]["unknown"] == pytest.approx(100 * bounds["bound_low"], abs=0.01)
    assert "unknown" not in plots["visual quality"][0]
    assert plots["delay"][1]["spot"] > plots["delay"][0]["spot"]
    assert "unknown" in plots["delay"][1] and "unknown" not in plots["delay"][0]


def test_marks_differ_in_shape_or_colour():
    from avgen_bench.report_page.profile import mark_of

    marks = [mark_of(number) for number in range(42)]
    assert len(set(marks)) == 42
    assert len({mark.split()[1] for mark in marks[:6]}) == 6  # told apart without any colour


def test_categories_are_means_of_their_own_prompts(tmp_path):
    from avgen_bench.statistics import summarise

    report = wide_report()
    rows = {(row["dimension"], row["system"], row["category"]): row for row in report["categories"]}
    assert len(rows) == 3 * 2 * 2
    mine = [
        (row["measurements"]["visual_quality"]["value"], row["prompt_id"])
        for row in report["clips"]
        if (row["system"], row["category"]) == ("b", "world_news")
    ]
    own = summarise([value for value, _ in mine], 0.0, 1.0, [prompt for _, prompt in mine])
    found = rows["visual_quality", "b", "world_news"]
    assert (found["n"], found["prompts"]) == (20, 20) and found["mean"] == pytest.approx(own.mean, rel=1e-5)
    assert found["ci_low"] == pytest.approx(own.ci_low, rel=1e-5) and found["method"] == own.method
    assert rows["av_sync", "a", "ads"]["counts"]["abstained"] == 2
    assert rows["delay", "b", "world_news"]["counts"]["failed"] == 1
    text = render(report, tmp_path, tmp_path)
    cells = re.findall(
        r'<td class="cell([^"]*)" style="--v:([\d.]+)" title="([^"]*)"><b>([^<]*)</b><small>n (\d+)</small>', text
    )
    assert len(cells) == 12
    for weak, depth, title, mean, n in cells:
        name, category = title.split(":")[0].split(", ")
        assert (weak == " weak") == (int(n) < 10) == (category == "ads")
        low, high = (0, 2) if name == "delay" else (0, 1)
        share = (float(mean) - low) / (high - low)
        assert float(depth) == pytest.approx(100 * (1 - share if name == "delay" else share), abs=0.6)
    assert f"95 % interval {found['ci_low']:.3f} to {found['ci_high']:.3f}" in text
    assert not tiny_report()["categories"]
    assert '<h2 id="categories">' not in render(tiny_report(), tmp_path, tmp_path)


def totals_of(report, weight: float):
    """The report with a total over two metrics, the first of which has that weight."""
    from avgen_bench import totals

    table = totals.parse_table(
        {
            "schema": totals.TABLE_SCHEMA,
            "name": "mine <i>",
            "version": "3",
            "reference": "made up",
            "missing_metric": "worst",
            "failed_clip": "worst",
            "groups": [
                {
                    "name": "all",
                    "weight": 1,
                    "metrics": [
                        {"name": "look", "dimension": "visual_quality", "weight": weight, "worst_at": 0, "best_at": 1},
                        {"name": "wait", "dimension": "delay", "weight": 1, "worst_at": 0, "best_at": 2},
                    ],
                }
            ],
        },
        "here",
    )
    report["total"] = totals.of_report(report, table)
    return report


def test_the_total_shows_what_it_owes_to_its_weights(tmp_path):
    assert '<h2 id="total">' not in render(wide_report(), tmp_path, tmp_path)
    report = totals_of(wide_report(), 9.0)  # "wait" takes slowness for good, so that the order hangs on the weights
    page = Page(render(report, tmp_path, tmp_path))
    flat = " ".join("".join(page.text).split())
    best = report["total"]["systems"][0]
    assert best["system"] == "b"
    assert f"{best['score']:.1f}" in flat and f"{best['ci_low']:.1f} to {best['ci_high']:.1f}" in flat
    assert "look 90 %" in flat and "wait 10 %" in flat
    assert "other order: a, b" in flat and "same order" in flat
    dropped = {item["metric"]: item["scores"] for item in report["total"]["sensitivity"]["leave_one_out"]}
    drawn = [
        item["aria-label"] for item in page.all("span") if (item.get("aria-label") or "").startswith("without look")
    ]
    assert len(drawn) == 1
    for system in "ab":
        assert f"{system}: {dropped['look'][system]:.1f} without it" in (drawn[0] or "")
    assert "clips that count as worst: delay 1" in flat


def test_failures_say_what_where_and_what_to_do(tmp_path):
    page = Page(render(wide_report(), tmp_path, tmp_path))
    flat = " ".join("".join(page.text).split())
    table = flat.split("what could not be measured, and what to do")[1].split("worst first")[0]
    for words in (
        "limit: the clip lasts 90.0 s",
        "delay",
        "p05 (b)",
        "raise that limit (--limit), or leave the clip out",
    ):
        assert words in table
    assert len([item for item in page.all("a") if item.get("href") == "#clip-29"]) >= 2
    assert '<h2 id="failures">' not in render(wide_report(systems=("a",)), tmp_path, tmp_path)


def test_signatures_receipts_and_what_was_forced(tmp_path):
    report = wide_report()
    report["forced"] = [{"dimension": "delay", "field": "version of FFmpeg", "values": {"a": "7", "b": "<8>"}}]
    flat = " ".join("".join(Page(render(report, tmp_path, tmp_path)).text).split())
    assert "Forced side by side: the version of FFmpeg differs: a has 7; b has <8>" in flat
    assert flat.count("Forced side by side") == 1
    assert "Receipts: r of 2 clips, sha256 ff" in flat
    for facts in report["dimensions"]:
        assert facts["signature"] and facts["signature"] in flat


def test_the_power_note_names_every_dimension_that_has_one(tmp_path):
    report = wide_report()
    flat = " ".join("".join(Page(render(report, tmp_path, tmp_path)).text).split())
    note = flat.split("What these numbers can tell apart:")[1].split("How to read this")[0]
    for facts in report["dimensions"]:
        most = max(item["mdd"] for item in report["estimates"] if item["dimension"] == facts["name"] and item["mdd"])
        digits = 3 if facts["high"] - facts["low"] <= 2 else 2
        assert f"{facts['name']} {most:.{digits}f}" in note


CONTRAST = """(() => {
  const parts = (text) =>
    text.match(/[\\d.]+/g).slice(0, 3).map((part) => Number(part) / (text.startsWith("rgb") ? 255 : 1));
  const light = (text) => parts(text).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const cell = document.querySelector(".heat td.cell");
  return [0, 50, 100].map((depth) => {
    cell.style.setProperty("--v", String(depth));
    const back = light(getComputedStyle(cell).backgroundColor);
    const ink = light(getComputedStyle(cell.querySelector("small")).color);
    return (Math.max(back, ink) + 0.05) / (Math.min(back, ink) + 0.05);
  });
})()"""


@pytest.mark.debian
def test_cells_are_readable_at_any_depth_and_every_mark_is_seen(tmp_path):
    from browser import Browser

    path = tmp_path / "report.html"
    path.write_text(render(wide_report(systems=tuple("abcdefgh"[:7]), prompts=4), tmp_path, tmp_path), encoding="utf-8")
    seen = []
    with Browser(tmp_path / "profile") as browser:
        for mode in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": mode}]
            browser.call("Emulation.setEmulatedMedia", features=features)
            browser.open("about:blank")
            browser.open(path.as_uri())
            ratios = browser.value(CONTRAST)
            assert min(ratios) >= 4.5  # WCAG 2.2, 1.4.3
            assert ratios[0] > ratios[1] > ratios[2]  # deeper is deeper
            marks = "[...document.querySelectorAll('.who .spot')].map((item) => getComputedStyle(item).backgroundColor)"
            colours = browser.value(marks)
            assert len(set(colours)) == len(colours) == 7
            seen.append(colours)
    assert seen[0] != seen[1]


@pytest.mark.debian
@pytest.mark.parametrize("width", [1200, 390])
def test_plots_and_tables_answer_in_a_browser(tmp_path, width):
    from browser import Browser

    report = totals_of(wide_report(systems=("a", HOSTILE), hostile=HOSTILE), 1.0)
    path = tmp_path / "report.html"
    path.write_text(render(report, tmp_path, tmp_path), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.resize(width, 900, mobile=width < 600)
        browser.open(path.as_uri())
        assert browser.value("document.documentElement.dataset.state") == "ready"
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        shown = "[...document.querySelectorAll('.heat')].map((item) => item.offsetHeight > 0).join(' ')"
        assert browser.value(shown) == "true false"
        browser.value(
            "(() => { const s = document.getElementById('heat-system'); s.value = 's1';"
            " s.dispatchEvent(new Event('change')); })()"
        )
        assert browser.value(shown) == "false true"
        # a system is picked from the keyboard, and let go again
        browser.value("document.querySelectorAll('.who')[1].focus()")
        faint = "[...document.querySelectorAll('#profile ~ .profile .one')].map((i) => getComputedStyle(i).opacity < 1)"
        browser.press(" ")
        assert browser.value(faint) == [True, False] * 3
        browser.press(" ")
        assert browser.value(faint) == [False] * 6
        browser.click(".copy")
        browser.wait("document.querySelector('.copy').textContent !== 'copy'")
        assert browser.value("getSelection().toString()").strip() == report["dimensions"][0]["signature"]
        assert browser.value("document.documentElement.dataset.errors") == "0"
        assert browser.value("String(window.pwned)") == "undefined"
        assert browser.messages == []
