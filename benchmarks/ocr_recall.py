"""Does reading few frames miss short captions?  ``ocr_recall.py [--count N]``

Captions of half a second to a second are drawn over moving grounds at 1280x720 (fonts, texts and grounds of the test
split). Each clip is read by the backbone, and by the package's own pipeline on every second frame at native size. A
caption is recalled when one of the lines that were read says it, verbatim, spaces aside. Prints both recalls with
Wilson intervals, and the seconds that both took.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from avgen_bench import work
from avgen_bench.factory import truth_text
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene
from avgen_bench.statistics import wilson
from avgen_bench.types import TextSpans

SIZE = (1280, 720)


def scenes(count: int) -> list[tuple[str, float, Scene]]:
    """Captions, the middle of their time, and the scenes that show them for 0.5 to 1 s within two seconds."""
    made = []
    for number in range(count):
        draw = np.random.default_rng((77, number))
        text, language = truth_text._text("test", number, draw)
        style = truth_text._style("test", draw, "nominal", 0.0, language)
        start_s = float(draw.uniform(0.1, 0.9))
        end_s = start_s + float(draw.uniform(0.5, 1.0))
        scene = truth_text._scene(f"short-{number}", "test", number, draw, ((start_s, end_s, (text,)),), style, 2.0)
        made.append((text, (start_s + end_s) / 2, _enlarged(scene)))
    return made


def _enlarged(scene: Scene) -> Scene:
    def picture(index: int) -> Any:
        return cv2.resize(scene.picture(index), SIZE, interpolation=cv2.INTER_CUBIC)

    return Scene(scene.name, *SIZE, scene.fps, scene.duration_s, picture, None, truth=scene.truth)


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()


def peer(engine: Any, path: Path, at_s: float) -> list[str]:
    """The lines that the package's own pipeline reads in the frame of a time."""
    with av.open(str(path)) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time >= at_s)
        return list(engine(frame.to_ndarray(format="bgr24")).txts or ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    arguments = parser.parse_args()
    from rapidocr import RapidOCR

    engine = RapidOCR()
    found = {"backbone": 0, "peer": 0}
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for text, middle_s, scene in scenes(arguments.count):
            path = render(scene, Path(folder) / "clip.mp4", preset="ultrafast")
            start = time.perf_counter()
            spans = work.observe(path, ("ocr",))["ocr"]
            seconds += time.perf_counter() - start
            assert isinstance(spans, TextSpans)
            for name, lines in {"backbone": list(spans.texts), "peer": peer(engine, path, middle_s)}.items():
                hit = any(_bare(text) in _bare(line) for line in lines)
                found[name] += hit
                if not hit:
                    print(f"{name} misses {text!r}: {lines}")
    for name, hits in found.items():
        low, high = wilson(hits, arguments.count)
        print(f"{name:10} {hits:3d} of {arguments.count} captions, {hits / arguments.count:.3f} ({low:.3f}-{high:.3f})")
    print(f"backbone: {seconds / (2.0 * arguments.count):.2f} s per second of clip")


if __name__ == "__main__":
    main()
