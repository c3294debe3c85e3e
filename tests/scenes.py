"""Small clips for tests: quick to render, each with its own brightness so that results tell them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene


def small_clip(path: Path, brightness: int = 90, seconds: float = 1.0, *, sound: bool = True, seed: int = 0) -> Path:
    """A drifting texture around ``brightness`` (RGB) with a decaying tick every half second."""
    texture = np.random.default_rng(seed).integers(-20, 21, (48, 128), dtype=np.int16)

    def picture(index: int) -> np.ndarray:
        drift = texture[:, index % 64 : index % 64 + 64]
        grey = np.clip(brightness + drift, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)

    rate_hz = 16000
    t_s = np.arange(int(seconds * rate_hz)) / rate_hz
    tick = (0.4 * np.sin(2 * np.pi * 500 * t_s) * np.exp(-40 * (t_s % 0.5))).astype(np.float32)[None]
    return render(Scene(path.stem, 64, 48, 24.0, seconds, picture, tick if sound else None, rate_hz), path)
