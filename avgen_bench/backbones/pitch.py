"""Notes of the one voice or instrument that leads: onset, end, pitch, from a learned pitch track.

Conventions
    The track is SwiftF0's: one frame every 16 ms, 46.9 to 2093.75 Hz (F#1 to C7). It is right within some cents, but
    now and then an octave or a twelfth off, so that each stretch of equal pitch is compared with the partials of the
    sound itself, and moved by octaves where they say so.

    Notes: a Viterbi path through states half a semitone apart and one for no pitch, so that vibrato and short octave
    errors do not break a note; a note is cut where its level rises sharply (played again), and joined over short holes
    where it does not. Its pitch is the median of the track's frames near the path, in fractions of a semitone.

    Bars and strings ring on into the next notes, where the track is unsure or takes up the old note again. So at each
    onset the partials of the pitches that the track names until the next one are compared with what they were before:
    the one that gained most begins there, and a pitch that was taken up again without an onset or a gain is no note.
    ``confidences`` are the mean voicing scores, or the share of a note's partials that was new where that is higher.

Constants
    Chosen on the calibration split of :mod:`avgen_bench.factory.truth_music`, except those of the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.backbones.beats import onsets_of
from avgen_bench.errors import MissingInstrument
from avgen_bench.sound import Recording, RecordingConsumer
from avgen_bench.types import AudioView, BackboneFacts, NoteEvents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
else:
    np = lazy("numpy")

onnxruntime: Any = lazy("onnxruntime")

__all__ = ["Pitch", "notes_of", "track_of"]

RATE_HZ = 16000
HOP = 256
LOW_HZ, HIGH_HZ = 46.875, 2093.75
SILENT = 1e-3
"""Peak of a frame below which the model, which never saw digital silence, is not believed."""
VOICED = 0.3
STEP = 0.5
"""Distance of the note states in semitones."""
SPREAD = 0.45
"""Deviation of the track from its state, in semitones, that costs a half."""
MOST = 4.0
"""Cost of a frame that fits its state not at all."""
CHANGE = 7.0
"""Cost of going from one state to another."""
RISE_DB = 5.0
"""Rise of the level within a note that begins it anew."""
FALL_DB = 3.0
"""How far it must have fallen before."""
DEEP_DB = 12.0
"""How deep the dip must be where no onset is heard."""
NEAR = 6
"""Frames within which an onset belongs to a rise of the level."""
RESIDUE_DB = 12.0
"""How far below the note before it a pitch that was not struck is what rings on, not a note."""
RANGE_DB = 35.0
"""What is quieter than the loudest by more is an echo."""
JOIN_S = 0.1
SAME = 0.6
"""Semitones within which neighbours are one note."""
SHORT_S = 0.11
"""Pieces shorter than this are no notes when they lead over to another."""
BLIP_S = 0.2
"""Longest octave error at an attack."""
REPEAT_S = 0.14
"""Shortest time from a note to the next of the same pitch."""
FLOOR = 4.0
"""How far a partial must stand above the median of the power around it."""
ODD_LEAST = 0.05
"""Amplitude, against the strongest, of a partial that counts in a series of its own."""
ODD_SHARE = 0.2
"""Share of amplitude between the partials read, against that on them, from which the note is an octave lower."""
EVEN_SHARE = 0.04
"""Share of amplitude on the odd partials below which the note is an octave higher."""
LEAST_S = 0.06
"""Shortest note."""
GAIN_S = 0.2
"""Longest stretch before and after an onset that are compared."""
HEARD = 0.25
"""Voicing of the track from which its pitch is tried at an onset."""
LEAST_FRAMES = 4
"""Frames at which the track must name a pitch for it to be tried."""
FRESH = 0.5
"""Share of a pitch's partials that must be new at an onset for a note to begin there."""
TONAL = 0.5
"""Share of the power that must lie near multiples of a pitch for it to begin a note."""
STALE = 0.25
"""Share of new partials below which a pitch was sounding before."""

MODEL = weights.WeightFile(
    "model.onnx",
    "6385e8c2ebc3872e82c9ff5946228de44cd3be77a750ea53698b7dbfe94b0a22",
    (weights.Source((("swift_f0", "model.onnx"),)),),
    "pip install swift-f0==0.3.0 onnxruntime",
    "MIT",
)


@cache
def _session(path: str) -> Any:
    try:
        options = onnxruntime.SessionOptions()
    except ImportError as error:
        raise MissingInstrument(f"{error}; {MODEL.remedy}") from None
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Pitch:
    """Yields NoteEvents of the leading voice or instrument; none where there is no pitch."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="pitch",
        revision="2",
        yields="NoteEvents",
        views=(AudioView(RATE_HZ, 1),),
        summary="notes of the leading voice or instrument, from SwiftF0's pitch track",
        license="Apache-2.0; weights MIT",
        size_mb=0.2,
        libraries=("numpy", "onnxruntime", "swift-f0"),
        parameters={
            "model": MODEL.sha256[:16],
            "change": CHANGE,
            "rise_db": RISE_DB,
            "least_s": LEAST_S,
            "residue_db": RESIDUE_DB,
            "voiced": VOICED,
            "fresh": FRESH,
            "tonal": TONAL,
        },
        reference="Nieradzik 2025, SwiftF0, arXiv:2508.18440",
        remedy=MODEL.remedy,
    )

    def start(self) -> RecordingConsumer[NoteEvents]:
        """A fresh consumer for one clip.

        Raises:
            MissingInstrument: the model, or the library that runs it, is not installed.
        """
        return RecordingConsumer(partial(_measure, _session(str(weights.find(MODEL)))))


def _measure(session: Any, recording: Recording) -> NoteEvents:
    sound = recording.samples()[0]
    if sound.size < 4 * HOP or float(np.abs(sound).max()) < SILENT:
        return NoteEvents((), (), (), ())
    midis, voicing = track_of(session, sound)
    found = notes_of(midis, voicing, levels_db(sound, midis.size), sound)
    at = [recording.time_s(round(time * RATE_HZ)) for note in found for time in note[:2]]
    return NoteEvents(
        tuple(round(time, 4) for time in at[0::2]),
        tuple(round(max(end, start), 4) for start, end in zip(at[0::2], at[1::2], strict=True)),
        tuple(round(note[2], 4) for note in found),
        tuple(round(note[3], 4) for note in found),
    )


def _run(session: Any, sound: NDArray[np.float32]) -> tuple[Floats, Floats]:
    feeds = {"audio": sound[None, :], "fmin": np.float32(LOW_HZ), "fmax": np.float32(HIGH_HZ)}
    pitch, voicing = session.run(["pitch", "confidence"], {k: np.asarray(v) for k, v in feeds.items()})
    return np.asarray(pitch[0], np.float64), np.asarray(voicing[0], np.float64)


def track_of(session: Any, sound: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """MIDI numbers and voicing scores in [0, 1], one a hop of 16 ms, of a mono track (samples,) at 16 kHz."""
    peak = float(np.abs(sound).max())
    pitch, voicing = _run(session, sound * np.float32(0.5 / peak))
    hops = np.abs(sound[: voicing.size * HOP])
    hops = np.pad(hops, (0, voicing.size * HOP - hops.size)).reshape(-1, HOP).max(axis=1)
    voicing = np.where(hops < SILENT, 0.0, voicing)
    return 69 + 12 * np.log2(np.maximum(pitch, 1.0) / 440), voicing


def levels_db(sound: NDArray[np.float32], count: int) -> Floats:
    """Level of the 32 ms around each hop, dB."""
    padded = np.pad(sound.astype(np.float64) ** 2, (HOP, max(0, (count + 1) * HOP - sound.size)))
    power = padded[: (count + 2) * HOP].reshape(-1, HOP).mean(axis=1)
    around: Floats = 10 * np.log10((power[:count] + power[1 : count + 1]) / 2 + 1e-10)
    return around


def _path(midis: Floats, voicing: Floats) -> NDArray[np.int64]:
    """The state of each frame: 0 no pitch, else 1 + the index of a state from MIDI 24 up."""
    states = 24 + STEP * np.arange(round(84 / STEP))
    fit = np.minimum(0.5 * ((midis[:, None] - states[None, :]) / SPREAD) ** 2, MOST)
    sure = np.clip(voicing, 0.02, 0.98)
    costs = np.empty((midis.size, states.size + 1))
    costs[:, 0] = -np.log(1 - sure) * 1.5
    costs[:, 1:] = np.where(voicing[:, None] >= VOICED, fit, MOST / 2) - 0.75 * np.log(sure)[:, None]
    total = costs[0].copy()
    back = np.zeros(costs.shape, np.int64)
    stay = np.arange(states.size + 1)
    for index in range(1, midis.size):
        best = int(np.argmin(total))
        moved = total[best] + CHANGE < total
        back[index] = np.where(moved, best, stay)
        total = np.where(moved, total[best] + CHANGE, total) + costs[index]
    path = np.empty(midis.size, np.int64)
    path[-1] = int(np.argmin(total))
    for index in range(midis.size - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path


def _attacks(level: Floats) -> list[int]:
    """Frames at which the level rises by ``RISE_DB`` above its lowest in the 80 ms before."""
    out: list[int] = []
    least = max(-70.0, float(level.max()) - RANGE_DB)
    for index in range(1, level.size):
        low = level[max(0, index - 5) : index].min()
        high = level[index : index + 4].max()
        if high - low >= RISE_DB and level[index] > level[index - 1] and high > least:
            if out and index - out[-1] <= 6:
                continue
            out.append(index)
    return out


def _again(level: Floats, start: int, at: int, onsets: list[int]) -> bool:
    """Whether a note that has sounded since ``start`` is played again at an attack.

    Voices that beat against each other dip and come back as well, but not in all of the spectrum at once: where no
    onset is heard, the dip must be deep.
    """
    dip = float(level[max(start, at - 5) : at].min())
    if float(level[start:at].max()) - dip < FALL_DB:
        return False
    after = float(np.median(level[at + 1 : at + 8])) if at + 1 < level.size else dip
    return any(abs(onset - at) <= NEAR for onset in onsets) or after - dip >= DEEP_DB


def _partials(power: Floats, hz: float, count: int) -> Floats:
    """Amplitudes of the first ``count`` partials of ``hz`` above what lies between them; bins are 1 Hz apart."""
    out = np.zeros(count)
    for number in range(1, count + 1):
        at, reach = number * hz, max(3.0, 0.025 * number * hz)
        low, high = round(at - reach), round(at + reach) + 1
        if high >= power.size:
            break
        wide = power[max(0, round(at - 0.45 * hz)) : round(at + 0.45 * hz) + 1]
        out[number - 1] = max(0.0, float(power[low:high].max()) - FLOOR * float(np.median(wide))) if low > 0 else 0.0
    return np.sqrt(out)


def _stands(between: Floats, own: Floats, least: int) -> bool:
    """Whether partials between those of a note are a series of their own: strong together, and not one by chance."""
    top = float(own.max())
    return bool(between.sum() > ODD_SHARE * own.sum() and int((between > ODD_LEAST * top).sum()) >= least and top > 0)


def octave_of(sound: NDArray[np.float32], midi: float) -> float:
    """The pitch of a stretch of sound at 16 kHz, moved down or up where its partials say that the track was wrong.

    A note read an octave (or a twelfth) too high has partials between those of what was read; one read an octave too
    low has no odd ones.
    """
    if sound.size < 800:
        return midi
    window = np.hanning(sound.size)
    power = np.abs(np.fft.rfft(sound * window, RATE_HZ)) ** 2 if sound.size <= RATE_HZ else np.zeros(1)
    if midi > 84:  # near its upper end the model answers with pitches that no partial has
        edges = [440.0 * 2 ** ((midi + off - 69) / 12) for off in (-2.0, -0.4, 0.4, 2.0)]
        low, left, right, high = (min(round(edge), power.size - 2) for edge in edges)
        if low > 0 and right > left and high > right:
            top = low + int(np.argmax(power[low:high]))
            if power[top] > 25 * power[left:right].max():
                midi = 69 + 12 * math.log2(top / 440)
    for _ in range(3):
        hz = 440.0 * 2 ** ((midi - 69) / 12)
        if hz / 2 >= 40:
            half = _partials(power, hz / 2, 8)
            if _stands(half[0::2], half[1::2], 2):
                midi -= 12
                continue
        if hz / 3 >= 40:
            third = _partials(power, hz / 3, 9)
            if _stands(third[[0, 1, 3, 4]], third[2::3], 3):
                midi -= 12 * math.log2(3)
                continue
        mine = _partials(power, hz, 8)
        if 2 * hz < HIGH_HZ and mine[0::2].sum() < EVEN_SHARE * mine[1::2].sum():
            midi += 12
            continue
        break
    return midi


Found = tuple[float, float, float, float]


@dataclass(slots=True)
class _Piece:
    """Frames from ``start`` to ``end`` at one pitch."""

    start: int
    end: int
    midi: float
    sure: float

    @property
    def seconds(self) -> float:
        return (self.end - self.start) * HOP / RATE_HZ


def _pieces(midis: Floats, voicing: Floats, sound: NDArray[np.float32]) -> list[_Piece]:
    """Stretches of the path with a pitch, octaves corrected."""
    path = _path(midis, voicing)
    edges = (np.flatnonzero(np.diff(path)) + 1).tolist()
    out: list[_Piece] = []
    for start, end in zip([0, *edges], [*edges, path.size], strict=True):
        voiced = np.arange(start, end)[voicing[start:end] >= VOICED]
        if path[start] == 0 or voiced.size < 3:
            continue
        middle = float(np.median(midis[voiced]))
        near = voiced[np.abs(midis[voiced] - middle) < 1.0]
        inner = near[near.size // 6 :]  # the attack is out of tune
        midi = float(np.median(midis[inner]))
        first, last = int(inner[0]) * HOP, (int(inner[-1]) + 1) * HOP
        middle_at = (first + last) // 2
        reach = min((last - first) // 2, RATE_HZ // 4)
        midi = octave_of(sound[max(0, middle_at - reach) : middle_at + reach], midi)
        out.append(_Piece(start, end, midi, float(voicing[voiced].mean())))
    return out


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    out: list[_Piece] = []
    for piece in pieces:
        last = out[-1] if out else None
        if (
            last is not None
            and abs(piece.midi - last.midi) < SAME
            and (piece.start - last.end) * HOP <= JOIN_S * RATE_HZ
        ):
            share = piece.seconds / (piece.seconds + last.seconds)
            midi = last.midi if share < 0.3 else piece.midi if share > 0.7 else (piece.midi + last.midi) / 2
            sure = share * piece.sure + (1 - share) * last.sure
            out[-1] = _Piece(last.start, piece.end, midi, sure)
        else:
            out.append(piece)
    return out


def _kept(pieces: list[_Piece], attacks: list[int]) -> list[_Piece]:
    """Without the short pieces that lead over from one note to the next, or interrupt one."""
    out: list[_Piece] = []
    early: int | None = None
    for index, piece in enumerate(pieces):
        before = out[-1] if out else None
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        struck = any(abs(at - piece.start) <= 3 for at in attacks)
        leads = after is not None and after.start - piece.end <= 2
        apart = 0.0 if after is None else abs(after.midi - piece.midi)
        if leads and piece.seconds < BLIP_S and min(abs(apart - 12), abs(apart - 24)) < SAME:
            early = piece.start  # an octave error at the attack, or the strong fourth partial of a bar
            continue
        if piece.seconds < SHORT_S and (leads or not struck):
            if leads and struck and (before is None or piece.start - before.end <= 2):
                early = piece.start
            continue
        if early is not None and piece.start - early <= BLIP_S * RATE_HZ / HOP + 3:
            piece = _Piece(early, piece.end, piece.midi, piece.sure)
        early = None
        out.append(piece)
    return out


def _gain(sound: NDArray[np.float32], midi: float, at: int, end: int) -> tuple[float, float]:
    """Amplitude that a pitch's partials gain at frame ``at``, and its share of what they have after it, 0 to 1.

    Both are 0 where other things than these partials make up most of the sound.
    """
    size = min(round(GAIN_S * RATE_HZ), (end - at) * HOP)
    first, last = at * HOP + RATE_HZ // 50, max(0, at * HOP - RATE_HZ // 100)
    after, before = sound[first : first + size], sound[max(0, last - size) : last]
    if after.size < 800:
        return 0.0, 0.0
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    power = np.abs(np.fft.rfft(after * np.hanning(after.size), RATE_HZ)) ** 2
    one, two = _partials(power, hz, 6), np.zeros(6)
    apart = np.abs((np.arange(power.size) / hz + 0.5) % 1 - 0.5) * hz  # Hz from the nearest multiple
    if float(power[apart < max(0.15 * hz, 12)].sum()) < TONAL * float(power.sum()) or one.sum() == 0:
        return 0.0, 0.0
    if before.size >= 800:
        ago = np.abs(np.fft.rfft(before * np.hanning(before.size), RATE_HZ)) ** 2
        two = _partials(ago, hz, 6) * (after.size / before.size)
    gained = float(np.maximum(one - two, 0.0).sum())
    return gained, gained / float(one.sum())


def _fresh(midis: Floats, voicing: Floats, sound: NDArray[np.float32], at: int, end: int) -> tuple[float, float] | None:
    """The pitch that begins at an onset, of those that the track names before the next, and the share that is new."""
    best: tuple[float, float, float] | None = None
    frames = np.arange(at, min(end, voicing.size))
    frames = frames[voicing[frames] >= HEARD]
    while frames.size >= LEAST_FRAMES:
        counts = (np.abs(midis[frames][:, None] - midis[frames][None, :]) < 0.4).sum(axis=1)
        middle = midis[frames[int(np.argmax(counts))]]
        mine, frames = frames[np.abs(midis[frames] - middle) < 0.4], frames[np.abs(midis[frames] - middle) >= 0.8]
        if mine.size < LEAST_FRAMES:
            break
        midi = float(np.median(midis[mine]))
        gained, share = _gain(sound, midi, at, end)
        if share >= FRESH and (best is None or gained * mine.size > best[0]):
            best = gained * mine.size, midi, share
    if best is None:
        return None
    reach = at + round(GAIN_S * RATE_HZ / HOP)
    return octave_of(sound[at * HOP : min(end, reach) * HOP], best[1]), best[2]


def _by_onset(
    pieces: list[_Piece], midis: Floats, voicing: Floats, sound: NDArray[np.float32], onsets: list[int]
) -> list[_Piece]:
    """With the notes that begin at onsets while others ring, in place of those that only ring."""
    for at, end in zip(onsets, [*onsets, voicing.size][1:], strict=True):
        found = _fresh(midis, voicing, sound, at, end) if end - at >= LEAST_FRAMES else None
        if found is None:
            continue
        midi, share = found
        here = [piece for piece in pieces if abs(piece.start - at) <= NEAR]
        over = [piece for piece in pieces if piece.start < at - NEAR and piece.end > at]
        later = [piece for piece in pieces if at + NEAR < piece.start < end]
        same = [piece for piece in (*here, *over) if abs(piece.midi - midi) < SAME]
        if same:
            same[0].sure = max(same[0].sure, share)
            continue
        if here:
            if _gain(sound, here[0].midi, at, end)[1] < STALE:
                here[0].midi, here[0].sure = midi, share
            continue
        for piece in over:
            piece.end = at
        if later and abs(later[0].midi - midi) < SAME:
            later[0].start, later[0].sure = at, max(later[0].sure, share)
            continue
        stop = min([end, *(piece.start for piece in later)])
        pieces = sorted([*pieces, _Piece(at, stop, midi, share)], key=lambda piece: piece.start)
    return pieces


def _without_echoes(pieces: list[_Piece], sound: NDArray[np.float32], onsets: list[int]) -> list[_Piece]:
    """Without the notes that the track takes up again while they ring on: not struck, and no louder than before."""
    out: list[_Piece] = []
    for piece in pieces:
        if not any(abs(at - piece.start) <= NEAR for at in onsets):
            known = any(abs((piece.midi - one.midi + 6) % 12 - 6) < SAME for one in out[-4:-1])
            if known and _gain(sound, piece.midi, piece.start, piece.end)[1] < STALE:
                out[-1].end = piece.end if piece.start - out[-1].end <= 3 else out[-1].end
                continue
        out.append(piece)
    return out


def _struck(pieces: list[_Piece], level: Floats, attacks: list[int]) -> list[_Piece]:
    """Without what rings on after a note, much weaker, and was not struck itself."""
    out: list[_Piece] = []
    for piece in pieces:
        if out and not any(abs(at - piece.start) <= NEAR for at in attacks):
            before = level[out[-1].start : out[-1].end].max()
            if level[piece.start : piece.end].max() < before - RESIDUE_DB:
                continue
        out.append(piece)
    return out


def notes_of(midis: Floats, voicing: Floats, level: Floats, sound: NDArray[np.float32]) -> list[Found]:
    """Notes as (onset in s, end in s, MIDI number, confidence), in order of onset."""
    attacks, least = _attacks(level), float(level.max()) - RANGE_DB
    onsets = [round(time * RATE_HZ / HOP) for time in onsets_of(sound)[0].tolist()]
    found = [piece for piece in _pieces(midis, voicing, sound) if level[piece.start : piece.end].max() > least]
    pieces = _joined(_struck(_joined(_kept(_joined(found), attacks)), level, [*attacks, *onsets]))
    pieces = _joined(_without_echoes(_by_onset(pieces, midis, voicing, sound, onsets), sound, onsets))
    out: list[Found] = []
    for index, piece in enumerate(pieces):
        start, end = piece.start, piece.end
        cuts = [start]
        for at in attacks:
            if at - cuts[-1] >= REPEAT_S * RATE_HZ / HOP and at <= end - 3 and _again(level, start, at, onsets):
                cuts.append(at)
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        if len(cuts) > 1 and after is not None and after.start - end <= 3 and (end - cuts[-1]) * HOP < 0.13 * RATE_HZ:
            after.start = end = cuts.pop()  # the track follows a new note late
        for one, two in zip(cuts, [*cuts[1:], end], strict=True):
            if (two - one) * HOP >= LEAST_S * RATE_HZ:
                out.append((one * HOP / RATE_HZ, two * HOP / RATE_HZ, piece.midi, piece.sure))
    return out
