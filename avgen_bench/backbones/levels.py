"""Level of the sound in short blocks: fine enough to say where silence begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.sound import Recording, RecordingConsumer
from avgen_bench.types import AudioScores, AudioView, BackboneFacts

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

__all__ = ["BLOCK_S", "FLOOR_DBFS", "Levels"]

BLOCK_S = 0.02
FLOOR_DBFS = -120.0
LOUDEST_S = 0.5


def _measure(recording: Recording) -> AudioScores:
    samples = recording.samples()
    block = max(1, round(BLOCK_S * recording.rate_hz)) if recording.rate_hz else 1
    count = samples.shape[1] // block
    if not count:
        return AudioScores((), BLOCK_S, {"level_dbfs": ()}, {"loudest_dbfs": FLOOR_DBFS})
    pieces = samples[:, : count * block].astype(np.float64).reshape(samples.shape[0], count, block)
    # a constant offset is not heard
    pieces = pieces - pieces.mean(axis=(1, 2), keepdims=True)
    power = (pieces**2).mean(axis=2).max(axis=0)  # the louder channel: what is on one side only is heard
    wide = min(count, max(1, round(LOUDEST_S / BLOCK_S)))
    loudest = float(np.convolve(power, np.ones(wide) / wide, mode="valid").max())
    floor = 10 ** (FLOOR_DBFS / 10)
    return AudioScores(
        tuple(recording.times_s(np.arange(count, dtype=np.int64) * block)),
        BLOCK_S,
        {"level_dbfs": tuple((10 * np.log10(power + floor)).round(2).tolist())},
        {"loudest_dbfs": round(float(10 * np.log10(loudest + floor)), 2)},
    )


class Levels:
    """Yields AudioScores: ``level_dbfs`` (rms) of each 20 ms, and ``loudest_dbfs``, that of the loudest half second."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="levels",
        revision="1",
        yields="AudioScores",
        views=(AudioView(),),
        summary="level of the sound in blocks of 20 ms",
        libraries=("av", "numpy"),
        parameters={"block_s": BLOCK_S, "loudest_s": LOUDEST_S},
    )

    def start(self) -> RecordingConsumer[AudioScores]:
        """A fresh consumer for one clip."""
        return RecordingConsumer(_measure)
