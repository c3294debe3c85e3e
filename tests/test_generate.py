"""Clips are made once, looked at before they count, and what went wrong is on record."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scenes import small_clip

from avgen_bench import generate as work
from avgen_bench import media, runner
from avgen_bench.cli import main
from avgen_bench.errors import GeneratorError, InputError, ManifestError, MissingInstrument, StoreBusy, StoreError
from avgen_bench.generators import diffusers as pipelines
from avgen_bench.generators.base import (
    GeneratorFacts,
    Request,
    Result,
    Still,
    fill_value,
    parse_settings,
    with_patience,
)
from avgen_bench.generators.command import Command
from avgen_bench.generators.inference import Inference
from avgen_bench.prompts import find_absent, find_clips, load_prompts
from avgen_bench.types import Prompt

pytestmark = pytest.mark.skipif(os.name != "posix", reason="commands are run on POSIX systems")

COPY = 'sh -c \'echo "$3" >> "$4"; cp "$1" "$2"\' sh'


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


def prompts_of(*ids: str) -> list[Prompt]:
    return [Prompt(name, f"words of {name}", duration_s=8.0) for name in ids]


def copying(clip: Path, log: Path, **options: Any) -> Command:
    """A command that copies a clip and writes the prompt's id to a log of its own."""
    return Command(f"{COPY} {clip} {{out}} {{id}} {log}", **options)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


# --------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("model {prompt}", r"no \{out\}"),
        ("model {out}", "neither"),
        ("model {prompt} {out} {colour}", r"no \{colour\}"),
        ("{prompt} {out}", "begins with"),
        ("model '{prompt} {out}", "quotes"),
        ("", "empty"),
    ],
)
def test_a_command_line_that_cannot_be_right_is_refused(line: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Command(line)


@pytest.mark.parametrize(
    "line",
    [
        "sh -c 'model {prompt} {out}'",
        "bash -cu 'cp x {out}; : {id}'",
        "bash -c -- 'model {prompt} {out}'",
        "awk 'BEGIN {{{{ print \"{prompt}\" }}}}' {out}",
        "srun --wrap='model {prompt} {out}'",
        "watch 'model {prompt}' {out}",
        "model text={prompt} {out}",
        "model -p={prompt} {out}",
        "model --a={prompt}-{seed} {out}",
        "model '--a x={prompt}' {out}",
    ],
)
def test_text_stands_inside_no_other_argument(line: str) -> None:
    with pytest.raises(InputError, match="stands inside"):
        Command(line)


@pytest.mark.parametrize(
    "start",
    [
        "bash -c",
        "bash -cu",
        "bash -c --",
        "bash -c +x",
        "bash -co pipefail",
        "bash -O extglob -c",
        "env -i bash --norc -lc",
        "busybox sh -c",
        "sh -c 'exec \"$@\"' sh bash -c",
        "su nobody -c",
        "flock lock -c",
        "script -qc",
        "env -S 'sh -c'",
        "sbatch --wrap",
        "ssh host model",
        "watch",
        "parallel",
        "awk",
        "awk -F ,",
        "sed",
        "perl -E",
        "perl -lne",
        "perl -e 1 -e",
        "php -r",
        "node --eval",
        "node -p",
        "Rscript -e",
        "python3 -c",
        "python3 -W ignore -Ic",
    ],
)
def test_text_is_not_given_to_what_would_run_it(start: str) -> None:
    with pytest.raises(InputError, match="as code"):
        Command(f"{start} {{prompt}} {{out}}")


@pytest.mark.parametrize("option", ["node --eval", "sbatch --wrap", "su --command", "env --split-string"])
def test_text_is_not_given_to_an_option_that_would_run_it(option: str) -> None:
    with pytest.raises(InputError, match="as code"):
        Command(f"{option}={{prompt}} {{out}}")


@pytest.mark.parametrize(
    "line",
    [
        "model --text.prompt={prompt} --out={out}",
        'sh -c \'model "$1" "$2"\' sh {prompt} {out}',
        "bash -euo pipefail -c 'model \"$1\"' bash {prompt} {out}",
        "bash -c 'model {prompt_file} {out}'",
        "python3 render.py -c {prompt} {out}",
        "python3 -m model --prompt={prompt} --out {out}",
        "srun -c 4 python3 model.py {prompt} {out}",
        "env A=1 flock lock model --prompt={prompt} {out}",
        "ssh host model {prompt_file} {out}",
    ],
)
def test_text_may_be_an_argument_of_its_own(line: str) -> None:
    assert Command(line).argv[0] == line.split()[0]


NASTY = "; touch gone; $(touch gone) `touch gone` \"q\" 'q' {seed} {out} \\ \n -- --help | & * ~ é\u202e"


def test_a_prompt_stays_one_argument(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "show.py").write_text(
        "import json, shutil, sys\n"
        "json.dump(sys.argv, open(sys.argv[1], 'w'))\n"
        "assert open(sys.argv[5]).read() == sys.argv[2].removeprefix('--text=')\n"
        f"shutil.copy({str(clip)!r}, sys.argv[3])\n"
    )
    said = tmp_path / "said.json"
    line = f"{sys.executable} {tmp_path / 'show.py'} {said} --text={{prompt}} {{out}} {{{{x}}}}-{{seed}}-{{take}}"
    generator = Command(f"{line} {{prompt_file}} {{duration_s}}")
    made = work.generate([Prompt("a", NASTY, duration_s=8.0)], tmp_path / "clips", generator, seed=7)
    assert made.counts() == {"made": 1}
    _, _, text, out, numbers, _, duration = json.loads(said.read_text())
    assert (text, numbers, duration) == (f"--text={NASTY}", "{x}-7-0", "8")
    assert Path(out).is_absolute() and Path(out).name == "a.mp4"
    assert not list(tmp_path.rglob("gone")) and not Path("gone").exists()


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (Prompt("a", "--help"), "dash"),
        (Prompt("a", "nul \0 inside"), "no argument can"),
        (Prompt("a", "half \udfff"), "no argument can"),
        (Prompt("a", "  "), "no text"),
        (Prompt("a", "no length", duration_s=None), "duration_s"),
    ],
)
def test_a_prompt_that_cannot_be_an_argument_stops_the_run_before_it_starts(
    prompt: Prompt, says: str, tmp_path: Path
) -> None:
    if "length" not in prompt.text:
        prompt = dataclasses.replace(prompt, duration_s=1.0)
    with pytest.raises(InputError, match=says):
        work.generate([*prompts_of("fine"), prompt], tmp_path / "clips", Command("true {prompt} {out} {duration_s}"))
    assert not (tmp_path / "clips").exists()


def test_a_program_that_is_not_there_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no program"):
        work.generate(prompts_of("a"), tmp_path / "clips", Command("no-such-program-here {prompt} {out}"))
    assert not (tmp_path / "clips").exists()


# --------------------------------------------------------------------------- what is made, and what is not


def test_a_manifest_says_how_each_clip_came_about(tmp_path: Path, clip: Path) -> None:
    out, log = tmp_path / "clips", tmp_path / "log"
    command = copying(clip, log)
    made = work.generate(prompts_of("b", "a/x"), out, command, takes=2, seed=5, workers=2, system="copier")
    assert made.asked == 4 and made.counts() == {"made": 4}
    rows = rows_of(out)
    assert [(row["path"], row["prompt_id"], row["take"], row["seed"]) for row in rows] == [
        ("a_x.mp4", "a/x", 0, 5),
        ("a_x.take-1.mp4", "a/x", 1, 6),
        ("b.mp4", "b", 0, 5),
        ("b.take-1.mp4", "b", 1, 6),
    ]
    for row in rows:
        assert row["sha256"] == media.digest(clip) and row["model"] == "sh" and row["system"] == "copier"
        assert row["parameters"] == {"command": list(command.argv)} and row["duration_s"] == 8.0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["time"]) and row["seconds"] > 0
    known = {prompt.id: prompt for prompt in prompts_of("b", "a/x")}
    for source in (out, out / "manifest.jsonl"):
        found = find_clips(source, known)
        assert [(row.prompt_id, row.take) for row in found] == [("a/x", 0), ("a/x", 1), ("b", 0), ("b", 1)]
    assert not list((out / ".generate" / "work").iterdir())
    before = (out / "manifest.jsonl").read_bytes()
    assert work.generate(prompts_of("b", "a/x"), out, command, takes=2, seed=5, system="copier").asked == 0
    assert (out / "manifest.jsonl").read_bytes() == before and len(log.read_text().split()) == 4


WRONG = {
    "status": ("echo one >&2; printf 'two \\033[31mred\\033[0m\\n' >&2; exit 7", r"status 7: one / two \\x1b\[31mred"),
    "signal": ("kill -SEGV $$", "signal 11"),
    "nothing": ("echo but why >&2", "no file: but why"),
    "text": ('echo "Internal error 12" > "$1"', "no clip: unreadable.*it is text: Internal error 12"),
    "empty": (': > "$1"', "0 bytes"),
    "folder": ('mkdir "$1"', "no regular file"),
    "link": ('ln -s "$3" "$1"', "no regular file"),
    "cut": ('head -c 5000 "$3" > "$1"', "no clip"),
    "late": ('sleep 60 & echo $! > "$2"; echo waiting >&2; wait', "time limit of 3 s: waiting"),
}


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_goes_wrong_is_recorded_and_the_rest_goes_on(tmp_path: Path, clip: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name, (script, _) in WRONG.items():
        (scripts / name).write_text(script)
    (scripts / "fine").write_text('cp "$3" "$1"')
    (scripts / "last").write_text('cp "$3" "$1"')
    out, pid = tmp_path / "clips", tmp_path / "pid"
    line = f'sh -c \'f="$0"; shift 0; . "$f/$4"\' {scripts} {{out}} {pid} {clip} {{id}}'
    prompts = prompts_of("fine", *WRONG, "last")
    made = work.generate(prompts, out, Command(line, 3.0), workers=2)
    assert made.counts() == {"failed": len(WRONG), "made": 2}
    reasons = {row["prompt_id"]: row["reason"] for row in made.failures}
    for name, (_, says) in WRONG.items():
        assert re.search(says, reasons[name]), f"{name}: {reasons[name]}"
        assert reasons[name].isprintable()
    if sys.platform == "linux":
        assert not _alive(int(pid.read_text())), "a child of a command that ran too long is still alive"
    assert sorted(path.name for path in out.glob("*.mp4")) == ["fine.mp4", "last.mp4"]
    assert work.generate(prompts, out, Command(line, 3.0)).asked == 0
    (scripts / "status").write_text('cp "$3" "$1"')
    again = work.generate(prompts, out, Command(line, 3.0), retry_failed=True, workers=4)
    assert again.asked == len(WRONG) and again.counts() == {"failed": len(WRONG) - 1, "made": 3}


def test_a_clip_that_was_not_made_scores_the_floor(tmp_path: Path, clip: Path) -> None:
    out, prompts = tmp_path / "clips", tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"id": name, "prompt": f"words of {name}"}) + "\n" for name in "ab"))
    line = f"""sh -c '[ "$3-$4" = a-0 ] && cp "$1" "$2"' sh {clip} {{out}} {{id}} {{take}}"""
    known = load_prompts(prompts)
    made = work.generate(known.values(), out, Command(line), takes=2, workers=2)
    assert made.counts() == {"failed": 3, "made": 1}
    manifest = out / "manifest.jsonl"
    assert [(row.prompt_id, row.take) for row in find_absent(manifest, known)] == [("a", 1), ("b", 0), ("b", 1)]
    report = runner.score(manifest, tmp_path / "run", prompts=prompts, dimensions=["visual_quality"], workers=0)
    cells = {(row["prompt_id"], row["take"]): row["measurements"]["visual_quality"] for row in report["clips"]}
    assert {place: cell["value"] for place, cell in cells.items() if place != ("a", 0)} == {
        ("a", 1): 0.0,
        ("b", 0): 0.0,
        ("b", 1): 0.0,
    }
    assert cells["a", 0]["value"] > 0.0


def test_without_prompts_rows_without_a_clip_are_left_out_and_told(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "clips"
    line = f"""sh -c '[ "$3" = a ] && cp "$1" "$2"' sh {clip} {{out}} {{id}}"""
    work.generate(prompts_of("a", "b", "c"), out, Command(line))
    manifest = out / "manifest.jsonl"
    assert [row.prompt_id for row in find_clips(manifest)] == ["a"]
    words = ["--out", str(tmp_path / "run"), "--dimensions", "visual_quality", "--workers", "0"]
    assert main(["score", str(manifest), *words]) == 0
    assert "2 rows of the manifest have no clip: give --prompts FILE" in capsys.readouterr().err
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert [row["prompt_id"] for row in report["clips"]] == ["a"] and report["counts"]["failed"] == 0
    manifest = tmp_path / "none" / "manifest.jsonl"
    work.generate(prompts_of("a", "b", "c"), manifest.parent, Command("false {prompt} {out}"))
    with pytest.raises(ManifestError, match="3 rows of the manifest have no clip: give --prompts FILE"):
        find_clips(manifest)
    # a file that came since is a clip, whatever the row says
    shutil.copy(clip, manifest.parent / "b.mp4")
    assert [row.prompt_id for row in find_clips(manifest)] == ["b"]


def test_a_generator_that_made_nothing_scores_the_floor(tmp_path: Path) -> None:
    out, prompts = tmp_path / "clips", tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"id": name, "prompt": f"words of {name}"}) + "\n" for name in "ab"))
    work.generate(load_prompts(prompts).values(), out, Command("false {prompt} {out}"))
    for workers in (0, 2):
        report = runner.score(
            out / "manifest.jsonl",
            tmp_path / f"run{workers}",
            prompts=prompts,
            dimensions=["visual_quality"],
            workers=workers,
        )
        (row,) = report["estimates"]
        assert (row["mean"], row["counts"]["floor"], row["counts"]["failed"]) == (0.0, 2, 0)


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path, clip: Path) -> None:
    out, log = tmp_path / "clips", tmp_path / "log"
    out.mkdir()
    mine = small_clip(out / "a.mp4", 120, seed=9)
    before = mine.read_bytes()
    made = work.generate(prompts_of("a", "b"), out, copying(clip, log))
    assert made.counts() == {"found": 1, "made": 1} and log.read_text().split() == ["b"]
    assert mine.read_bytes() == before and rows_of(out)[0]["model"] == ""
    mine.write_text("not a clip")
    with pytest.raises(InputError, match="lies in the way"):
        work.generate(prompts_of("a", "b"), out, copying(clip, log))
    assert mine.read_text() == "not a clip"


def test_a_file_that_comes_up_meanwhile_is_not_replaced(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "clips"
    line = f'sh -c \'echo mine > "$3/a.mp4"; cp "$1" "$2"\' sh {clip} {{out}} {out} {{id}}'
    for _ in range(2):
        with pytest.raises(StoreError, match=r"came up that is not the clip .*work/a\.1/a\.mp4"):
            work.generate(prompts_of("a"), out, Command(line))
    assert (out / "a.mp4").read_text() == "mine\n"
    assert len(list((out / ".generate" / "work").rglob("a.mp4"))) == 1, "the clip that was made is kept"


def test_a_name_that_was_taken_costs_no_second_request(tmp_path: Path, clip: Path) -> None:
    out, other = tmp_path / "clips", small_clip(tmp_path / "other.mp4", 30, seed=9)
    generator = Sending(clip, meanwhile=lambda: shutil.copy(other, out / "a.mp4") and None)
    with pytest.raises(StoreError, match="came up"):
        work.generate(prompts_of("a", "b"), out, generator)
    assert media.digest(out / "a.mp4") == media.digest(other)
    (out / "a.mp4").unlink()
    made = work.generate(prompts_of("a", "b"), out, generator)
    assert made.counts() == {"made": 2} and generator.asked == ["a", "b"]
    assert made.rows[0]["sha256"] == media.digest(out / "a.mp4") == media.digest(clip)
    assert not list((out / ".generate" / "work").iterdir())


def test_a_name_that_was_taken_before_the_request_is_not_asked_for(tmp_path: Path, clip: Path) -> None:
    out, other = tmp_path / "clips", small_clip(tmp_path / "other.mp4", 30, seed=9)
    generator = Sending(clip, meanwhile=lambda: shutil.copy(other, out / "b.mp4") and None)
    made = work.generate(prompts_of("a", "b"), out, generator)
    assert made.counts() == {"made": 1, "found": 1} and generator.asked == ["a"]
    assert made.rows[1]["sha256"] == media.digest(other)


@pytest.mark.parametrize("links", [True, False])
def test_killed_before_a_clip_has_its_name(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    out, other = tmp_path / "clips", small_clip(tmp_path / "other.mp4", 30, seed=9)
    generator = Sending(clip)

    def killed(*paths: Path) -> None:
        raise SystemExit("killed here")

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(work, "_publish", killed)
        work.generate(prompts_of("a"), out, generator)
    [kept] = (out / ".generate" / "work").rglob("a.mp4")
    if not links:  # the file was moved to its name, and its record is missing
        kept.rename(out / "a.mp4")
    else:
        shutil.copy(other, out / "a.mp4")
        with pytest.raises(StoreError, match=r"move 'a\.mp4' away"):
            work.generate(prompts_of("a", "b"), out, generator)
        assert kept.exists() and media.digest(out / "a.mp4") == media.digest(other)
        (out / "a.mp4").unlink()
    made = work.generate(prompts_of("a"), out, generator)
    assert made.counts() == {"made": 1} and generator.asked == ["a"]
    assert made.rows[0]["sha256"] == media.digest(out / "a.mp4") == media.digest(clip)


class Sending:
    """A generator that bills and copies a clip; another does something to the folder while its first is made."""

    def __init__(self, clip: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.facts = GeneratorFacts("inference", "sending", {}, bills=True)
        self.clip, self.meanwhile = clip, meanwhile
        self.asked: list[str] = []

    def check(self, requests: Sequence[Request]) -> None:
        pass

    def make(self, request: Request, stop: threading.Event) -> Result:
        self.asked.append(request.prompt_id)
        shutil.copy(self.clip, request.out)
        if len(self.asked) == 1:
            self.meanwhile()
        return Result("written", "", 1.0)

    def found(self, request: Request) -> Result | None:
        return None

    def close(self) -> None:
        pass


@pytest.mark.parametrize("bills", [False, True])
def test_what_may_have_been_billed_is_not_asked_for_by_retry_failed(tmp_path: Path, clip: Path, bills: bool) -> None:
    out, log, scripts = tmp_path / "clips", tmp_path / "log", tmp_path / "scripts"
    scripts.mkdir()
    silent = {"late": "sleep 60", "signal": "kill -KILL $$", "nothing": ":", "text": 'echo no > "$1"'}
    for name, script in {**silent, "status": "exit 7"}.items():
        (scripts / name).write_text(f'echo {name} >> "$2"; {script}\n')
    line = f'sh -c \'f="$1/$2"; shift 2; . "$f"\' sh {scripts} {{id}} {{out}} {log}'
    prompts = prompts_of("status", *silent)
    made = work.generate(prompts, out, Command(line, 1.0, bills=bills), workers=2)
    assert made.counts() == ({"unknown": 4, "failed": 1} if bills else {"failed": 5})
    work.generate(prompts, out, Command(line, 1.0, bills=bills), workers=2, retry_failed=True)
    assert sorted(log.read_text().split()) == sorted(
        [*silent, "status"] * 2 if not bills else [*silent, "status", "status"]
    )


def test_a_folder_holds_the_clips_of_one_origin(tmp_path: Path, clip: Path) -> None:
    out, log = tmp_path / "clips", tmp_path / "log"
    work.generate(prompts_of("a"), out, copying(clip, log))
    with pytest.raises(InputError, match="in another way"):
        work.generate(prompts_of("a", "b"), out, Command(f"cp {clip} {{out}} {{id}}"))
    with pytest.raises(InputError, match="other words"):
        work.generate([Prompt("a", "now other words", duration_s=8.0)], out, copying(clip, log))
    with pytest.raises(InputError, match="seed"):
        work.generate(prompts_of("a"), out, copying(clip, log), seed=3)
    assert log.read_text().split() == ["a"]


def test_a_wrong_command_line_may_be_put_right(tmp_path: Path, clip: Path) -> None:
    out, log = tmp_path / "clips", tmp_path / "log"
    assert work.generate(prompts_of("a"), out, Command("false {prompt} {out}")).counts() == {"failed": 1}
    assert work.generate(prompts_of("a"), out, copying(clip, log)).counts() == {"made": 1}


def test_a_lost_clip_is_made_again_unless_that_costs(tmp_path: Path, clip: Path) -> None:
    for bills in (False, True):
        out, log, notes = tmp_path / f"clips{bills}", tmp_path / f"log{bills}", []
        work.generate(prompts_of("a"), out, copying(clip, log, bills=bills))
        (out / "a.mp4").unlink()
        made = work.generate(prompts_of("a"), out, copying(clip, log, bills=bills), on_note=notes.append)
        assert (out / "a.mp4").exists() is not bills and len(notes) == bills
        assert made.counts() == ({"unknown": 1} if bills else {"made": 1})
        if bills:
            work.generate(
                prompts_of("a"), out, copying(clip, log, bills=True), again_unknown=True, on_note=notes.append
            )
            assert (out / "a.mp4").exists() and "billed" in notes[-1]
        assert log.read_text().split() == ["a", "a"]


def test_two_processes_at_once(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "clips"
    with work.writing(out / ".generate"):
        monkeypatch.setattr(work, "writing", lambda folder: _writing(folder, patience_s=0.2))
        with pytest.raises(StoreBusy, match="another process"):
            work.generate(prompts_of("a"), out, copying(clip, tmp_path / "log"))
    assert not (tmp_path / "log").exists()


_writing = work.writing


def test_a_torn_journal_loses_its_tail_and_a_damaged_one_stops_the_run(tmp_path: Path, clip: Path) -> None:
    out, log = tmp_path / "clips", tmp_path / "log"
    work.generate(prompts_of("a"), out, copying(clip, log))
    journal = out / ".generate" / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 2].splitlines()[0][:40])
    assert work.generate(prompts_of("a", "b"), out, copying(clip, log)).counts() == {"made": 2}
    assert journal.read_bytes().startswith(whole) and len(work.Journal(journal).events) == 6
    journal.write_bytes(journal.read_bytes().replace(b'"take":0', b'"take":1', 1))
    with pytest.raises(StoreError, match=r"line 1 .* damaged"):
        work.generate(prompts_of("a", "b"), out, copying(clip, log))
    assert log.read_text().split() == ["a", "b"]


# --------------------------------------------------------------------------- killed at any moment


GENERATE = [sys.executable, "-m", "avgen_bench", "generate"]


def _start(folder: Path, prompts: Path, line: str, *options: str) -> subprocess.Popen[bytes]:
    command = [*GENERATE, "--prompts", str(prompts), "--out", str(folder), "--command", line, *options]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _prompt_file(path: Path, count: int) -> Path:
    rows = [{"id": f"p{index}", "prompt": f"words of {index}", "duration_s": 8} for index in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_two_kills_and_no_clip_is_made_twice(tmp_path: Path, clip: Path) -> None:
    prompts = _prompt_file(tmp_path / "prompts.jsonl", 8)
    out, log = tmp_path / "clips", tmp_path / "log"
    line = f'sh -c \'sleep 0.3; cp "$1" "$2"; echo "$3" >> "$4"\' sh {clip} {{out}} {{id}} {log}'
    dice = random.Random(7)
    seen = []
    for _ in range(2):
        process = _start(out, prompts, line, "--workers", "2")
        before = len(log.read_text().split()) if log.exists() else 0
        while not log.exists() or len(log.read_text().split()) <= before:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(dice.uniform(0.0, 0.5))
        _kill_group(process)
        seen.append(len(list(out.glob("*.mp4"))))
    assert seen[0] < 8 and seen[1] < 8, "a blow fell after the end"
    assert _start(out, prompts, line, "--workers", "2").wait(timeout=120) == 0
    assert sorted(log.read_text().split()) == [f"p{index}" for index in range(8)]
    assert len(find_clips(out, load_prompts(prompts))) == 8
    assert main(["score", str(out), "--prompts", str(prompts), "--out", str(tmp_path / "run"), "--dry-run"]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
@pytest.mark.parametrize("bills", [False, True])
def test_a_command_that_is_not_nearly_done_when_nobody_waits(tmp_path: Path, clip: Path, bills: bool) -> None:
    """Without cost it is stopped with all it began, and made again; where it bills, it is let finish, and picked up."""
    prompts = _prompt_file(tmp_path / "prompts.jsonl", 1)
    out, log, pid = tmp_path / "clips", tmp_path / "log", tmp_path / "pid"
    wait = f'[ -e "{pid}.done" ] || (touch "{pid}.done"; sleep 6 & echo $! > {pid}; wait)'
    (tmp_path / "slow").write_text(f'{wait}\ncp "$1" "$2"\necho "$3" >> "$4"\n')
    line = f"sh {tmp_path / 'slow'} {clip} {{out}} {{id}} {log}"
    options = ["--bills"] if bills else []
    process = _start(out, prompts, line, *options)
    for _ in range(500):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.02)
    child = int(pid.read_text())
    _kill_group(process)
    assert _start(out, prompts, line, *options).wait(timeout=60) == 0
    assert not _alive(child)
    assert log.read_text().split() == ["p0"]
    sent = [event for event in work.Journal(out / ".generate" / "journal.jsonl").events if event["event"] == "sent"]
    assert len(sent) == (1 if bills else 2)


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_an_interrupt_stops_what_costs_nothing(tmp_path: Path) -> None:
    prompts, out, pid = _prompt_file(tmp_path / "prompts.jsonl", 3), tmp_path / "clips", tmp_path / "pid"
    line = f"sh -c 'sleep 60 & echo $! >> \"$1\"; wait' sh {pid} {{out}} {{id}}"
    process = _start(out, prompts, line, "--workers", "2")
    for _ in range(500):
        if pid.exists() and len(pid.read_text().split()) == 2:
            break
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert time.monotonic() - began < 10.0
    assert not any(_alive(int(child)) for child in pid.read_text().split())
    known = load_prompts(prompts).values()
    states = work.outlook(known, out, Command(line)).states
    assert sorted(states.values()) == ["cut off", "cut off", "new"]


def test_names_of_takes_and_of_prompts_are_kept_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.take-1\.mp4"):
        work.generate(prompts_of("a", "a.take-1"), tmp_path / "clips", Command("true {prompt} {out}"), takes=2)


class Cutting:
    """A generator that never comes back from its first request, as if the program were killed meanwhile."""

    def __init__(self, bills: bool, leaves: Callable[[Request], None] = lambda request: None) -> None:
        self.facts = GeneratorFacts("command", "cutting", {}, bills)
        self.leaves = leaves
        self.asked: list[str] = []

    def check(self, requests: Sequence[Request]) -> None:
        pass

    def make(self, request: Request, stop: threading.Event) -> Result:
        self.asked.append(request.prompt_id)
        self.leaves(request)
        return Result("interrupted")

    def found(self, request: Request) -> Result | None:
        return Result("written") if request.out.exists() else None

    def close(self) -> None:
        pass


def test_a_request_without_an_outcome_is_not_sent_again_where_it_bills(tmp_path: Path) -> None:
    out, generator = tmp_path / "clips", Cutting(bills=True)
    work.generate(prompts_of("a"), out, generator)
    assert work.outlook(prompts_of("a"), out, generator).states == {("a", 0): "cut off"}
    for _ in range(2):
        made = work.generate(prompts_of("a"), out, generator, retry_failed=True)
        assert made.counts() == {"unknown": 1} and "may have been billed" in made.rows[0]["reason"]
    assert generator.asked == ["a"]
    notes: list[str] = []
    work.generate(prompts_of("a"), out, generator, again_unknown=True, on_note=notes.append)
    assert generator.asked == ["a", "a"] and "1 requests that may have been billed" in notes[0]


def test_a_request_without_an_outcome_is_made_again_where_it_costs_nothing(tmp_path: Path) -> None:
    out, generator = tmp_path / "clips", Cutting(bills=False)
    for _ in range(3):
        work.generate(prompts_of("a"), out, generator)
    assert generator.asked == ["a"] * 3


def test_a_whole_reply_that_was_not_recorded_is_picked_up(tmp_path: Path, clip: Path) -> None:
    generator = Cutting(bills=True, leaves=lambda request: shutil.copy(clip, request.out) and None)
    work.generate(prompts_of("a"), tmp_path / "clips", generator)
    assert work.generate(prompts_of("a"), tmp_path / "clips", generator).counts() == {"made": 1}
    assert generator.asked == ["a"]


def test_a_clip_that_has_its_name_and_no_record_of_it_is_picked_up(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, log = tmp_path / "clips", tmp_path / "log"
    real = work.Journal.add

    def dying(self: work.Journal, event: str, slot: tuple[str, int], **values: Any) -> dict[str, Any]:
        if event == "made":
            raise StoreError("killed here")
        return real(self, event, slot, **values)

    monkeypatch.setattr(work.Journal, "add", dying)
    with pytest.raises(StoreError):
        work.generate(prompts_of("a"), out, copying(clip, log, bills=True))
    monkeypatch.setattr(work.Journal, "add", real)
    made = work.generate(prompts_of("a"), out, copying(clip, log, bills=True))
    assert made.counts() == {"made": 1} and made.asked == 0 and log.read_text().split() == ["a"]
    assert made.rows[0]["sha256"] == media.digest(clip)


# --------------------------------------------------------------------------- a provider


TOKEN = "hf_" + "s3cretT0ken" * 3


class Provider:
    """Novita's and fal's ways of making a video, on loopback, with every fault that is asked for."""

    def __init__(self, clip: bytes) -> None:
        self.clip = clip
        self.turns: dict[str, list[tuple[int | str, Any]]] = {}
        self.posts: list[tuple[str, dict[str, Any], Mapping[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def reply(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.posts.append((self.path, body, dict(self.headers)))
                turns = outer.turns.get(body["prompt"], [])
                status, what = turns.pop(0) if turns else (200, "clip")
                if status == "hang":
                    time.sleep(what)
                    self.close_connection = True
                    return
                if status == "close":
                    self.close_connection = True
                    return
                if status != 200:
                    headers = {"Retry_After": "0.01"} if status in (429, 503) else {}
                    said = json.dumps({"error": f"{what} {self.headers['authorization']}"}).encode()
                    self.reply(int(status), said, **headers)
                    return
                here = f"http://{self.headers['Host']}"
                if self.path.startswith("/fal-ai"):
                    said = {"request_id": "1", "status": "IN_QUEUE", "response_url": f"{here}/poll/{what}"}
                else:
                    said = {"video": {"video_url": f"{here}/file/{what}"}}
                self.reply(200, json.dumps(said).encode())

            def do_GET(self) -> None:
                if "/poll/" in self.path:
                    self.reply(500, b"{}")
                elif self.path.endswith("/clip"):
                    self.reply(200, outer.clip)
                else:
                    self.reply(404, b'{"error": "expired"}')

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def asked(self) -> collections.Counter[str]:
        return collections.Counter(body["prompt"] for _, body, _ in self.posts)


@pytest.fixture
def provider(clip: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    from huggingface_hub import constants
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference._providers import _common

    made = Provider(clip.read_bytes())
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # as it was when the library was first imported
    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", made.url + "/{provider}")
    for name in ("novita", "fal-ai"):
        known = InferenceProviderMapping(
            provider=name, hf_model_id="org/m", providerId="m", task="text-to-video", status="live"
        )
        monkeypatch.setitem(_common.HARDCODED_MODEL_INFERENCE_MAPPING, name, {"org/m": known})
    yield made
    made.server.shutdown()
    made.server.server_close()


def _ask(name: str = "novita", timeout_s: float = 20.0, **settings: Any) -> Inference:
    generator = Inference("org/m", name, settings, timeout_s)
    generator.busy_wait_s = 0.01
    return generator


def test_a_provider_is_asked_with_what_is_set(provider: Provider, tmp_path: Path) -> None:
    generator = _ask(num_frames=49, duration="{duration_s}", negative_prompt="blur")
    made = work.generate(prompts_of("a"), tmp_path / "clips", generator, seed=3)
    assert made.counts() == {"made": 1} and made.rows[0]["model"] == "org/m"
    [(path, body, headers)] = provider.posts
    assert path == "/novita/v3/hf/m" and {k.lower(): v for k, v in headers.items()}["authorization"].endswith(TOKEN)
    asked = {"num_frames": 49, "duration": 8.0, "negative_prompt": ["blur"], "seed": 3}
    assert body == {"prompt": "words of a", **asked}
    assert TOKEN not in (tmp_path / "clips" / "manifest.jsonl").read_text()


FAULTS: dict[str, tuple[list[tuple[int | str, Any]], str, str, int]] = {
    "busy": ([(429, "slow down"), (503, "loading")], "made", "", 3),
    "broke": ([(500, "boom")], "failed", "500", 1),
    "gateway": ([(504, "gave up")], "unknown", "504", 1),
    "refused": ([(400, "the prompt violates our policy")], "refused", "violates our policy", 1),
    "law": ([(451, "not here")], "refused", "451", 1),
    "person": ([(403, "this prompt is not allowed")], "refused", "403", 1),
    "silence": ([("hang", 6.0)], "unknown", "no reply to what was sent|nothing came", 1),
    "reset": ([("close", "")], "unknown", "no reply to what was sent", 1),
    "noclip": ([(200, "gone")], "unknown", 'it is text: .*"expired"', 1),
}


def test_the_faults_of_a_provider(provider: Provider, tmp_path: Path) -> None:
    out = tmp_path / "clips"
    prompts = prompts_of("fine", *FAULTS)
    provider.turns = {f"words of {name}": list(turns) for name, (turns, _, _, _) in FAULTS.items()}
    made = work.generate(prompts, out, _ask(timeout_s=3.0), workers=3)
    rows = {row["prompt_id"]: row for row in made.rows}
    asked = provider.asked()
    for name, (_, status, says, count) in FAULTS.items():
        assert rows[name]["status"] == status, f"{name}: {rows[name]}"
        assert re.search(says, rows[name]["reason"]), f"{name}: {rows[name]['reason']}"
        assert asked[f"words of {name}"] == count, name
    everything = (out / "manifest.jsonl").read_text() + (out / ".generate" / "journal.jsonl").read_text()
    assert TOKEN not in everything and "[key]" in everything
    # nothing of this is sent again by itself; what is known to have failed on demand, and what is unknown on another
    work.generate(prompts, out, _ask(timeout_s=3.0), workers=3)
    assert provider.asked() == asked
    again = work.generate(prompts, out, _ask(timeout_s=3.0), workers=3, retry_failed=True)
    assert again.asked == 4 and again.counts() == {"made": 6, "unknown": 4}
    last = work.generate(prompts, out, _ask(timeout_s=3.0), workers=3, again_unknown=True)
    assert last.asked == 4 and last.counts() == {"made": 10}


def test_what_fails_after_a_request_was_taken_is_unknown(provider: Provider, tmp_path: Path) -> None:
    made = work.generate(prompts_of("a"), tmp_path / "clips", _ask("fal-ai"))
    assert made.counts() == {"unknown": 1} and "took the request" in made.rows[0]["reason"]
    assert provider.asked() == {"words of a": 1}


def test_what_is_given_up_before_it_was_sent_is_never_sent(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.inference._providers import _common

    looked_up, real = threading.Event(), _common.TaskProviderHelper._prepare_mapping_info
    threads: list[threading.Thread] = []

    def slow(self: Any, model: str) -> Any:
        threads.append(threading.current_thread())
        assert looked_up.wait(60)
        return real(self, model)

    monkeypatch.setattr(_common.TaskProviderHelper, "_prepare_mapping_info", slow)
    generator = _ask(timeout_s=0.1)
    monkeypatch.setattr("avgen_bench.generators.inference.with_patience", _impatient)
    with pytest.raises(GeneratorError, match="nothing was sent"):
        work.generate(prompts_of("a"), tmp_path / "clips", generator)
    assert len(threads) == 1, "no second attempt beside one that still lives"
    looked_up.set()
    threads[0].join(30)
    assert not threads[0].is_alive() and not provider.posts
    monkeypatch.undo()


def _impatient(call: Callable[[], Any], patience_s: float, stop: threading.Event) -> Still:
    return with_patience(call, 0.2, stop)


def test_a_provider_takes_no_setting_in_place_of_the_prompt(provider: Provider, tmp_path: Path) -> None:
    for name in ("prompt", "inputs", "model", "provider"):
        with pytest.raises(InputError, match=f"--set {name}: .* leave it out"):
            Inference("org/m", "novita", {name: "another"})
    with pytest.raises(InputError, match="whole number"):
        work.generate(prompts_of("a"), tmp_path / "clips", _ask(seed="five"))
    with pytest.raises(InputError, match="same clip"):
        work.generate(prompts_of("a"), tmp_path / "clips", _ask(seed=5), takes=2)
    assert not provider.posts and not (tmp_path / "clips").exists()


@pytest.mark.parametrize(("given", "sent"), [(5, 5), ("{seed}", 3), ("{take}", 0), (None, None)])
def test_the_seed_on_record_is_the_one_that_was_sent(
    provider: Provider, tmp_path: Path, given: Any, sent: int | None
) -> None:
    out = tmp_path / "clips"
    made = work.generate(prompts_of("a"), out, _ask(seed=given), seed=3)
    [(_, body, _)] = provider.posts
    assert body.get("seed") == sent and made.rows[0]["seed"] == sent
    assert work.generate(prompts_of("a"), out, _ask(seed=given), seed=3).asked == 0


@pytest.mark.parametrize(
    ("turn", "says"), [((401, "who are you"), "401"), ((402, "no credit"), "402"), ((403, "this token may not"), "403")]
)
def test_what_no_request_can_pass_stops_the_run(
    provider: Provider, tmp_path: Path, turn: tuple[int, str], says: str
) -> None:
    out = tmp_path / "clips"
    provider.turns = {"words of a": [turn]}
    with pytest.raises(GeneratorError, match=says) as caught:
        work.generate(prompts_of("a", "b"), out, _ask())
    assert TOKEN not in str(caught.value) and provider.asked() == {"words of a": 1}
    assert work.generate(prompts_of("a", "b"), out, _ask()).counts() == {"made": 2}, "what cost nothing is asked again"


def test_nothing_is_billed_where_nothing_was_sent(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "clips"
    with pytest.raises(GeneratorError, match="not supported"):
        work.generate(prompts_of("a"), out, _ask("no-such-provider"))
    from huggingface_hub import constants

    with monkeypatch.context() as patch:
        patch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", "http://127.0.0.1:9/{provider}")
        with pytest.raises(GeneratorError, match="no connection"):
            work.generate(prompts_of("a"), out, _ask())
    assert not provider.posts
    assert work.generate(prompts_of("a"), out, _ask()).counts() == {"made": 1}
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(InputError, match="hf auth login"):
        work.generate(prompts_of("b"), out, _ask())


# --------------------------------------------------------------------------- a pipeline


class _Pipeline:
    """What a pipeline with pictures and sound looks like from outside."""

    vae_temporal_compression_ratio = 8
    vocoder = types.SimpleNamespace(config=types.SimpleNamespace(output_sampling_rate=24_000))
    calls: ClassVar[list[dict[str, Any]]] = []

    @classmethod
    def from_pretrained(cls, model: str, **options: Any) -> _Pipeline:
        assert options["use_safetensors"] is True and "trust_remote_code" not in options
        if model != "org/ltx":
            raise OSError("no such model")
        return cls()

    def to(self, device: str) -> _Pipeline:
        return self

    def __call__(
        self,
        prompt: str,
        generator: Any,
        output_type: str,
        num_frames: int = 9,
        frame_rate: float = 24.0,
        loud: float = 0.5,
    ) -> Any:
        type(self).calls.append({"prompt": prompt, "seed": generator, "num_frames": num_frames})
        if "broken" in prompt:
            raise RuntimeError("out of memory")
        frames = np.zeros((1, num_frames, 48, 64, 3), np.float32)
        frames[:, :, :, :, 0] = 0.8
        t_s = np.arange(int(num_frames / frame_rate * 24_000)) / 24_000
        sound = np.stack([loud * np.sin(2 * np.pi * 440 * t_s), np.zeros_like(t_s)])[None]
        return types.SimpleNamespace(frames=frames, audio=sound)


@pytest.fixture
def fake_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = types.SimpleNamespace(
        cuda=types.SimpleNamespace(is_available=lambda: False),
        float32="f32",
        bfloat16="bf16",
        Generator=lambda device: types.SimpleNamespace(manual_seed=lambda seed: seed),
    )
    monkeypatch.setattr(pipelines, "diffusers", types.SimpleNamespace(DiffusionPipeline=_Pipeline))
    monkeypatch.setattr(pipelines, "torch", torch)
    monkeypatch.setattr(pipelines.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(_Pipeline, "calls", [])


@pytest.mark.usefixtures("fake_diffusers")
def test_a_pipeline_writes_pictures_and_sound(tmp_path: Path) -> None:
    prompts = [Prompt("a", "red", duration_s=1.0), Prompt("b", "broken", duration_s=1.0)]
    made = work.generate(prompts, tmp_path, pipelines.Diffusers("org/ltx", {"frame_rate": 12.0}), seed=4)
    assert made.counts() == {"made": 1, "failed": 1} and made.failures[0]["reason"] == "RuntimeError: out of memory"
    assert _Pipeline.calls[0] == {"prompt": "red", "seed": 4, "num_frames": 17}  # 12 pictures, in steps of 8, and one
    facts, _ = media.read(tmp_path / "a.mp4", {})
    assert facts.picture is not None and facts.sound is not None
    assert (facts.picture.size, facts.picture.units, facts.picture.fps) == ((64, 48), 17, 12.0)
    assert facts.sound.rate_hz == 24_000 and facts.sound.channels == 2


@pytest.mark.usefixtures("fake_diffusers")
def test_the_seed_on_record_is_the_pipelines_own(tmp_path: Path) -> None:
    prompts = [Prompt("a", "red", duration_s=1.0)]
    made = work.generate(prompts, tmp_path, pipelines.Diffusers("org/ltx", {"seed": 11}), seed=4)
    assert _Pipeline.calls[0]["seed"] == made.rows[0]["seed"] == 11
    with pytest.raises(InputError, match="needs one"):
        work.generate(prompts_of("b"), tmp_path / "b", pipelines.Diffusers("org/ltx", {"seed": None}))


@pytest.mark.usefixtures("fake_diffusers")
def test_a_pipeline_that_cannot_be_loaded_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="no such model"):
        work.generate(prompts_of("a"), tmp_path, pipelines.Diffusers("org/none"))
    with pytest.raises(InputError, match="workers"):
        work.generate(prompts_of("a"), tmp_path, pipelines.Diffusers("org/ltx"), workers=2)


def test_without_diffusers_the_command_that_gets_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingInstrument, match="pip install"):
        work.generate(prompts_of("a"), tmp_path / "clips", pipelines.Diffusers("org/ltx"))
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (4, 8, 8), (4, 8, 8, 4)])
def test_pictures_of_another_shape_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        pipelines.write_clip(tmp_path / "x.mp4", np.zeros(shape, np.uint8), 24.0)


# --------------------------------------------------------------------------- settings and the command


@pytest.mark.parametrize("items", [["a"], ["a b=1"], ["=1"], ["a=1", "a=2"]])
def test_settings_that_cannot_be_read_are_refused(items: list[str]) -> None:
    with pytest.raises(InputError, match="--set"):
        parse_settings(items)


def test_settings_take_the_numbers_of_the_clip(tmp_path: Path) -> None:
    request = Request("a", "words", 1, 7, None, tmp_path)
    assert [fill_value(value, request) for value in ("{seed}", "{take}", "x{seed}", 3)] == [7, 1, "x{seed}", 3]
    with pytest.raises(InputError, match="duration_s"):
        fill_value("{duration_s}", request)
    assert parse_settings(["a=NaN"]) == {"a": "NaN"}


def test_the_command_says_what_it_would_do_and_what_it_did(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts, out = _prompt_file(tmp_path / "prompts.jsonl", 2), tmp_path / "clips"
    line = f'sh -c \'[ "$3" = p0 ] && cp "$1" "$2"\' sh {clip} {{out}} {{id}}'
    words = ["generate", "--prompts", str(prompts), "--out", str(out), "--command", line]
    assert main([*words, "--dry-run"]) == 0 and not out.exists()
    said = capsys.readouterr().out
    assert "2 new" in said and "to ask for:  2" in said and "p0.1/p0.mp4" in said
    assert main(words) == 3
    said = capsys.readouterr().out
    assert "2 requests" in said and "p1: failed: the command ended with status 1" in said
    assert main([*words, "--dry-run"]) == 0
    assert "1 made, 1 failed" in capsys.readouterr().out


def test_what_is_printed_to_score_scores_though_the_folder_holds_other_prompts(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "clips"
    out.mkdir()
    shutil.copy(clip, out / "a2.mp4")
    line = f'sh -c \'cp "$1" "$2"\' sh {clip} {{out}} {{id}}'
    (tmp_path / "a.jsonl").write_text('{"id": "a1", "prompt": "one"}\n{"id": "a2", "prompt": "two", "category": "x"}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "b1", "prompt": "three"}\n')
    rows: dict[str, list[str]] = {}
    for name in ("a", "b"):
        words = ["generate", "--prompts", str(tmp_path / f"{name}.jsonl"), "--out", str(out), "--command", line]
        assert main(words) == 0
        said = capsys.readouterr().out
        following = shlex.split(said.partition("now: ")[2])
        assert following[:2] == ["avgen-bench", "score"]
        rows[name] = Path(following[2]).read_text().splitlines()
        run = ["--out", str(tmp_path / f"run-{name}"), "--dry-run"]
        assert main([*following[1:-2], *run]) == 0
        assert f"clips:       {len(rows[name])};" in capsys.readouterr().out
    assert "2 clips of other prompts stand in manifest.jsonl; manifest-" in said
    assert [json.loads(row)["prompt_id"] for row in rows["b"]] == ["b1"]
    assert (out / "manifest.jsonl").read_text().splitlines() == [*rows["a"], *rows["b"]], "no row is lost"


def test_an_interrupt_says_that_what_was_made_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "generate", interrupted)
    prompts = _prompt_file(tmp_path / "prompts.jsonl", 1)
    words = ["generate", "--prompts", str(prompts), "--out", str(tmp_path / "x"), "--command", "true {prompt} {out}"]
    assert main(words) == 130
    assert "what was made is kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--command", "x {prompt} {out}", "--set", "a=1"], "--set"),
        (["--provider", "auto"], "--model"),
        (["--diffusers", "m", "--bills"], "--bills"),
        (["--diffusers", "m", "--set", "prompt=x"], "--set prompt"),
        (["--command", "cp {prompt} {out}", "--takes", "0"], "--takes"),
        (["--command", "cp {prompt} {out}", "--seed", "-1"], "--seed"),
        (["--command", "cp {prompt} {out}", "--workers", "0"], "--workers"),
        (["--command", "cp {prompt} {out}", "--timeout", "nan"], "--timeout"),
        (["--command", "cp {prompt} {out}", "--config", "mini", "--prompts", "avgen-bench"], "--config"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--out", str(tmp_path / "clips"), *words]) == 1
    assert says in capsys.readouterr().err and not (tmp_path / "clips").exists()
