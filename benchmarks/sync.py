"""Tables of what ``av_sync`` finds where the truth is known.

    python benchmarks/sync.py [--clips ../shared/clips] [--quick] [--split test]

Factory scenes come in two splits that share neither seeds, textures nor timbres; the kind ``slider`` is in the test
split alone. Constants were chosen on the calibration split. The sound of every scene and recorded clip is moved by 0,
+-80, +-160, +-320 and +-640 ms (its length kept, silence where nothing is), and then every picture meets every other
sound. Pictures go through flow as in a real pass, without encoding.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avgen_bench import media
from avgen_bench.backbones.onset_motion import SOUND, OnsetMotion
from avgen_bench.dimensions.av_sync import abstention, lag_score
from avgen_bench.factory.impacts import BACKGROUND_SOUNDS, CAMERAS, DISTRACTORS, KINDS, impact_scene
from avgen_bench.types import AudioBlock, BackboneFacts, MediaFacts, SyncCurve

SHIFTS_MS = (0, 80, -80, 160, -160, 320, -320, 640, -640)
NONE = MediaFacts("", 0.0, None, None)
AMBIGUOUS = ("mallet", "crates")
SPLITS: dict[str, dict[str, Any]] = {
    "calibration": {
        "kinds": ("ball", "hammer", "blocks", "stick", "hopper"),
        "textures": ("mottled", "bricks", "smooth"),
        "timbres": ("wood", "metal", "rubber"),
        "first_seed": 0,
    },
    "test": {
        "kinds": tuple(k for k in KINDS if k not in AMBIGUOUS),
        "textures": ("planks", "dots", "rough"),
        "timbres": ("clap", "glass"),
        "first_seed": 1000,
    },
}


class Sound:
    """A consumer that keeps the resampled sound."""

    def __init__(self) -> None:
        self.blocks: list[AudioBlock] = []

    def on_frame(self, view: Any, frame: Any) -> None:
        """Nothing."""

    def on_audio(self, view: Any, block: AudioBlock) -> None:
        """Keep the block."""
        self.blocks.append(AudioBlock(block.t_s, block.rate_hz, block.samples.copy()))

    def finish(self, facts: MediaFacts) -> Any:
        """The facts, for want of anything else."""
        return facts


class Both:
    """A backbone whose one pass fills a picture-only consumer of OnsetMotion and keeps the sound."""

    facts = BackboneFacts("both", "1", "MediaFacts", OnsetMotion.facts.views, "")

    def start(self) -> Any:
        """A fresh pair."""
        self.seen, self.heard = OnsetMotion().start(), Sound()
        self.cpu_s = 0.0
        return self

    def on_frame(self, view: Any, frame: Any) -> None:
        """To the picture side."""
        before = time.process_time()
        self.seen.on_frame(view, frame)
        self.cpu_s += time.process_time() - before

    def on_audio(self, view: Any, block: AudioBlock) -> None:
        """To the sound side."""
        self.heard.on_audio(view, block)

    def finish(self, facts: MediaFacts) -> Any:
        """The facts, for want of anything else."""
        return facts


class Case:
    """A clip decoded once: its picture side and its sound, to be joined at will."""

    def __init__(self, name: str, group: str, both: Both) -> None:
        self.name, self.group, self.cpu_s = name, group, both.cpu_s
        self.seen: Any = both.seen
        blocks = both.heard.blocks
        self.start_s = blocks[0].t_s if blocks else 0.0
        self.sound = np.concatenate([b.samples for b in blocks], axis=1) if blocks else np.zeros((1, 0), np.float32)

    def with_sound(self, other: Case, shift_ms: int = 0) -> SyncCurve:
        """The curve of this picture with that sound, moved by ``shift_ms``."""
        gap = np.zeros((1, abs(shift_ms) * SOUND.rate_hz // 1000), np.float32)
        sound = other.sound
        if shift_ms > 0:
            sound = np.concatenate([gap, sound], axis=1)[:, : sound.shape[1]]
        elif shift_ms < 0:
            sound = np.concatenate([sound[:, gap.shape[1] :], gap], axis=1)
        consumer = copy.copy(self.seen)
        consumer._blocks = []  # a copy shares its lists; the sound is this one's own
        consumer.on_audio(SOUND, AudioBlock(other.start_s, SOUND.rate_hz, sound))
        before = time.process_time()
        curve: SyncCurve = consumer.finish(NONE)
        self.finish_cpu_s = time.process_time() - before
        return curve


def factory_case(kind: str, seed: int, group: str, settings: dict[str, str]) -> Case:
    """A scene seen through flow, not encoded."""
    scene, both = impact_scene(kind, seed, **settings), Both()
    fanout = media.Fanout({"both": (Both.facts.views, both.start())})
    for index in range(scene.frames):
        luma = cv2.cvtColor(scene.picture(index), cv2.COLOR_RGB2GRAY)
        fanout.picture(index, index / scene.fps, (16 + luma * (219 / 255)).astype(np.uint8))
    assert scene.sound is not None
    fanout.sound(AudioBlock(0.0, scene.rate_hz, scene.sound))
    fanout.finish(NONE)
    return Case(f"{kind} {seed} " + " ".join(settings.values()), group, both)


def scenes(split: dict[str, Any], quick: bool) -> list[tuple[str, int, str, dict[str, str]]]:
    """Kind, seed, group and settings of the scenes of a split: two fifths clean, three fifths with nuisances."""
    out: list[tuple[str, int, str, dict[str, str]]] = []
    generator = np.random.default_rng(split["first_seed"] + 77)
    for repeat in range(5):
        for kind in split["kinds"]:
            for texture in split["textures"]:
                seed = split["first_seed"] + len(out) + 1
                settings = {"texture": texture, "timbre": split["timbres"][seed % len(split["timbres"])]}
                if repeat >= 2:
                    extra = {"camera": "still", "distractor": "none", "background_sound": "none"}
                    while set(extra.values()) == {"still", "none"}:
                        extra = {
                            "camera": str(generator.choice(CAMERAS)),
                            "distractor": str(generator.choice(DISTRACTORS)),
                            "background_sound": str(generator.choice(BACKGROUND_SOUNDS)),
                        }
                    settings |= extra
                out.append((kind, seed, "clean" if repeat < 2 else "nuisance", settings))
    for number, texture in enumerate(split["textures"] * 6):
        seed = split["first_seed"] + len(out) + 1
        settings = {"texture": texture, "timbre": split["timbres"][seed % len(split["timbres"])]}
        out.append((AMBIGUOUS[number % 2], seed, "ambiguous", settings))
    # every kind with every texture in turn
    return [scene for index, scene in enumerate(out) if (index + index // 3) % 3 == 0] if quick else out


def shifted_rows(cases: list[Case]) -> dict[str, list[tuple[Case, int, SyncCurve]]]:
    """All shifts of every case with its own sound, by group."""
    rows: dict[str, list[tuple[Case, int, SyncCurve]]] = {}
    for case in cases:
        for shift in SHIFTS_MS:
            rows.setdefault(case.group, []).append((case, shift, case.with_sound(case, shift)))
    return rows


def say_shifted(name: str, rows: list[tuple[Case, int, SyncCurve]]) -> None:
    """One line of the table of moved sounds."""
    errors = [curve.lag_ms - shift for _, shift, curve in rows if not abstention(curve) and curve.lag_ms is not None]
    why = Counter(abstention(curve).split(":")[0] for _, _, curve in rows if abstention(curve))
    line = f"{name:22s} {len(rows):5d} {len(errors):6d} {100 * (1 - len(errors) / len(rows)):6.1f} %"
    if errors:
        size = [abs(e) for e in errors]
        within = 100 * sum(s <= 80 for s in size) / len(size)
        line += f" {within:6.1f} % {statistics.median(size):6.1f} {np.percentile(size, 95):6.1f}"
        line += f" {statistics.median(errors):+6.1f}"
    print(line + "   " + ", ".join(f"{text} {count}" for text, count in why.most_common()))


def say_foreign(name: str, pairs: list[tuple[Case, Case]]) -> None:
    """One line of the table of foreign sounds."""
    curves = [picture.with_sound(sound) for picture, sound in pairs]
    spoke = [curve.lag_ms for curve in curves if not abstention(curve) and curve.lag_ms is not None]
    in_sync = [lag for lag in spoke if lag_score(lag) >= 0.5]
    share = 100 * (1 - len(in_sync) / max(len(pairs), 1))
    z = [curve.totals.get("peak_z", 0.0) for curve in curves]
    print(
        f"{name:22s} {len(pairs):5d} {len(spoke):6d} {len(in_sync):8d} {share:8.2f} %   "
        f"strongest {max(z, default=0):.2f}"
    )


def clip_cases(folder: Path) -> list[Case]:
    """The recorded and generated clips of a folder."""
    out = []
    for path in sorted(folder.glob("recorded/*.mp4")) + sorted(folder.glob("*.mp4")):
        both = Both()
        media.read(path, {"both": both})
        out.append(Case(path.stem, "recorded" if path.parent.name == "recorded" else "generated", both))
    return out


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"))
    parser.add_argument("--quick", action="store_true", help="a third of the scenes, a tenth of the pairs")
    parser.add_argument("--split", choices=sorted(SPLITS), default="test")
    args = parser.parse_args()
    cv2.setNumThreads(1)

    factory = [factory_case(*scene) for scene in scenes(SPLITS[args.split], args.quick)]
    clips = clip_cases(args.clips)
    print(f"Sound moved by {', '.join(str(s) for s in SHIFTS_MS)} ms; factory split: {args.split}")
    print("group                  cases speaks  abstains <=80 ms median    p95   bias   why not")
    rows = shifted_rows(factory)
    for group, items in rows.items():
        say_shifted(f"factory, {group}", items)
    every = [row for items in rows.values() for row in items]
    say_shifted("factory, all", every)
    for kind in KINDS:
        chosen = [row for row in every if row[0].name.startswith(kind)]
        if chosen:
            say_shifted(f"  {kind}", chosen)
    rows = shifted_rows(clips)
    for group, items in rows.items():
        say_shifted(group, items)
    for case in clips:
        say_shifted(f"  {case.name}", [row for items in rows.values() for row in items if row[0] is case])

    print("\nThe sound of another clip")
    print("pairs                  cases speaks  in sync   rejected")
    natural = {group: [c for c in clips if c.group == group] for group in ("recorded", "generated")}
    step = 10 if args.quick else 1
    for name, pictures, sounds in (
        ("factory x factory", factory, factory),
        ("recorded x generated", natural["recorded"], natural["generated"]),
        ("generated x recorded", natural["generated"], natural["recorded"]),
        ("recorded x recorded", natural["recorded"], natural["recorded"]),
        ("generated x generated", natural["generated"], natural["generated"]),
        ("factory x real sound", factory, clips),
        ("real x factory sound", clips, factory),
    ):
        pairs = [(a, b) for a in pictures for b in sounds if a is not b]
        say_foreign(name, pairs[:: step if len(pairs) > 100 else 1])

    print("\nThe clips as they are")
    for case in clips:
        curve = case.with_sound(case)
        lag = "-" if curve.lag_ms is None else f"{curve.lag_ms:+.0f}"
        cpu = 1000 * (case.cpu_s + case.finish_cpu_s)
        verdict = abstention(curve) or f"speaks, score {lag_score(curve.lag_ms or 0.0):.2f}"
        print(f"{case.name:20s} {len(curve.onsets_s):3d} onsets, lag {lag:>5s} ms, cpu {cpu:4.0f} ms   {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
