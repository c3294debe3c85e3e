"""A made-up plug-in package, as another project would write one: two backbones and their dimensions.

``install(folder)`` writes it with its entry points; worker processes find it through PYTHONPATH.
"""

from __future__ import annotations

from pathlib import Path

CODE = '''
import os, signal, time
from avgen_bench.types import BackboneFacts, DimensionFacts, FrameScores, FrameView, Outcome, Evidence

VIEW = FrameView(fps=4.0, short_side_px=32)

class _Mean:
    def __init__(self):
        self.times, self.means = [], []
    def on_frame(self, view, frame):
        self.times.append(frame.t_s)
        self.means.append(float(frame.pixels.mean()))
        time.sleep(float(os.environ.get("PLUGIN_SLEEP_S", 0)))
    def on_audio(self, view, block):
        pass
    def finish(self, facts):
        log = os.environ.get("PLUGIN_LOG")
        if log:
            with open(log, "a") as file:
                file.write(f"{sum(self.means):.3f}\\n")
        return FrameScores(tuple(self.times), {"mean": tuple(self.means)}, {})

class Mean:
    """Mean luma."""
    facts = BackboneFacts("plugin_mean", "1", "FrameScores", (VIEW,), "mean luma")
    def start(self):
        return _Mean()

class _Fragile(_Mean):
    def on_frame(self, view, frame):
        if frame.pixels.mean() > 180:
            kind = os.environ.get("PLUGIN_FAULT", "raise")
            if kind == "raise":
                raise RuntimeError("too bright for me")
            if kind == "kill":
                os.kill(os.getpid(), signal.SIGSEGV)
            if kind == "hang":
                time.sleep(3600)
            if kind == "exit":
                os._exit(7)

class Fragile:
    """Breaks on bright pictures."""
    facts = BackboneFacts("plugin_fragile", "1", "FrameScores", (VIEW,), "breaks on bright pictures")
    def start(self):
        return _Fragile()

def facts(name, need, summary):
    return DimensionFacts(name, "perceptual", "1", "", 0.0, 1.0, 0.0, 1, (need,), summary, "0 to 1")

class Brightness:
    """Mean luma as a share."""
    facts = facts("plugin_brightness", "plugin_mean", "brightness")
    def measure(self, prompt, media, seen):
        means = seen["plugin_mean"].columns.get("mean", ())
        if not means:
            return Outcome("ok", 0.0, "no picture")
        value = min(1.0, max(0.0, (sum(means) / len(means) - 16) / 219))
        return Outcome("ok", value, evidence=(Evidence("part", "mean luma", value=means[0]),))

class Fragility(Brightness):
    """Needs the fragile one."""
    facts = facts("plugin_fragility", "plugin_fragile", "fragility")
    def measure(self, prompt, media, seen):
        return Outcome("ok", 1.0, "survived")

class Broken(Brightness):
    """Has evidence that JSON cannot hold."""
    facts = facts("plugin_broken", "plugin_mean", "evidence with NaN")
    def measure(self, prompt, media, seen):
        return Outcome("ok", 0.5, evidence=(Evidence("curve", "c", x=(0.0,), y=(float("nan"),)),))

class Huge(Mean):
    """Gives rows that do not fit their storage."""
    facts = BackboneFacts("plugin_huge", "1", "FrameScores", (VIEW,), "too large")
    def start(self):
        return _Huge()

class _Huge(_Mean):
    def finish(self, facts):
        return FrameScores(tuple(float(i) for i in range(20)), {"mean": (1e39,) * 20}, {})

class Hugeness(Brightness):
    """Needs the huge one."""
    facts = facts("plugin_hugeness", "plugin_huge", "never measured")

class Wild(Brightness):
    """Leaves its own scale."""
    facts = facts("plugin_wild", "plugin_mean", "leaves its scale")
    def measure(self, prompt, media, seen):
        return Outcome("ok", 2.0)
'''

ENTRY_POINTS = """
[avgen_bench.backbones]
plugin_mean = avgen_test_plugin:Mean
plugin_fragile = avgen_test_plugin:Fragile
plugin_huge = avgen_test_plugin:Huge
[avgen_bench.dimensions]
plugin_brightness = avgen_test_plugin:Brightness
plugin_fragility = avgen_test_plugin:Fragility
plugin_wild = avgen_test_plugin:Wild
plugin_broken = avgen_test_plugin:Broken
plugin_hugeness = avgen_test_plugin:Hugeness
"""


def install(folder: Path) -> None:
    """Write the package and its metadata into ``folder``, which the caller puts on the import path."""
    (folder / "avgen_test_plugin.py").write_text(CODE)
    info = folder / "avgen_test_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: avgen-test-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
