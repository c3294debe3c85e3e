"""One lazy table from name to class, for backbones, judges, constraints and dimensions.

A member of this package is one line in :data:`TABLE`; a member of another package is one entry point in the group
``avgen_bench.<kind>``. Listing names imports nothing; loading one imports its module and no other.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any, Literal

from avgen_bench.errors import InputError, UnknownNameError

__all__ = ["KINDS", "TABLE", "find", "load", "names"]

Kind = Literal["backbones", "constraints", "dimensions", "judges"]
KINDS: tuple[Kind, ...] = ("backbones", "constraints", "dimensions", "judges")

TABLE: dict[Kind, dict[str, str]] = {
    "backbones": {
        "clarity": "avgen_bench.backbones.clarity:Clarity",
        "steadiness": "avgen_bench.backbones.steadiness:Steadiness",
        "cuts": "avgen_bench.backbones.cuts:Cuts",
        "audio_signal": "avgen_bench.backbones.audio_signal:AudioSignal",
        "loudness": "avgen_bench.backbones.loudness:Loudness",
        "spectrum": "avgen_bench.backbones.spectrum:Spectrum",
        "onset_motion": "avgen_bench.backbones.onset_motion:OnsetMotion",
        "thumbnails": "avgen_bench.backbones.thumbnails:ThumbnailStrip",
        "ocr": "avgen_bench.backbones.ocr:Ocr",
        "speech": "avgen_bench.backbones.speech:Speech",
        "speech_guesses": "avgen_bench.backbones.speech:SpeechGuesses",
        "voices": "avgen_bench.backbones.voices:Voices",
        "pitch": "avgen_bench.backbones.pitch:Pitch",
        "chords": "avgen_bench.backbones.chords:Chords",
        "beats": "avgen_bench.backbones.beats:Beats",
        "onsets": "avgen_bench.backbones.onsets:SharpSounds",
        "levels": "avgen_bench.backbones.levels:Levels",
        "faces": "avgen_bench.backbones.faces:Faces",
        "colours": "avgen_bench.backbones.colours:Colours",
        "motion": "avgen_bench.backbones.motion:MotionSpeed",
        "dissolves": "avgen_bench.backbones.dissolves:Dissolves",
    },
    "constraints": {
        "text_shown": "avgen_bench.constraints.text:TextShown",
        "text_absent": "avgen_bench.constraints.text:TextAbsent",
        "text_visible_for": "avgen_bench.constraints.text:TextVisibleFor",
        "line_spoken": "avgen_bench.constraints.speech:LineSpoken",
        "lines_in_order": "avgen_bench.constraints.speech:LinesInOrder",
        "no_speech": "avgen_bench.constraints.speech:NoSpeech",
        "speech_language": "avgen_bench.constraints.speech:SpeechLanguage",
        "voice_count": "avgen_bench.constraints.speech:VoiceCount",
        "speech_rate": "avgen_bench.constraints.speech:SpeechRate",
        "single_note": "avgen_bench.constraints.music:SingleNote",
        "note_sequence": "avgen_bench.constraints.music:NoteSequence",
        "scale": "avgen_bench.constraints.music:Scale",
        "chord": "avgen_bench.constraints.music:Chord",
        "chord_sequence": "avgen_bench.constraints.music:ChordSequence",
        "key": "avgen_bench.constraints.music:Key",
        "tempo": "avgen_bench.constraints.music:Tempo",
        "loudness_trend": "avgen_bench.constraints.sound:LoudnessTrend",
        "louder_than": "avgen_bench.constraints.sound:LouderThan",
        "silence_during": "avgen_bench.constraints.sound:SilenceDuring",
        "event_count": "avgen_bench.constraints.timing:EventCount",
        "event_rate": "avgen_bench.constraints.timing:EventRate",
        "event_at": "avgen_bench.constraints.timing:EventAt",
        "even_spacing": "avgen_bench.constraints.timing:EvenSpacing",
        "event_order": "avgen_bench.constraints.timing:EventOrder",
        "sound_at_cut": "avgen_bench.constraints.timing:SoundAtCut",
        "duration": "avgen_bench.constraints.timing:Duration",
        "face_count": "avgen_bench.constraints.faces:FaceCount",
        "same_face": "avgen_bench.constraints.faces:SameFace",
        "shot_count": "avgen_bench.constraints.shots:ShotCount",
        "cut_order": "avgen_bench.constraints.shots:CutOrder",
        "playing_speed": "avgen_bench.constraints.picture:PlayingSpeed",
        "brightness_trend": "avgen_bench.constraints.picture:BrightnessTrend",
        "colour_trend": "avgen_bench.constraints.picture:ColourTrend",
        "dominant_colour": "avgen_bench.constraints.picture:DominantColour",
        "ends_on_colour": "avgen_bench.constraints.picture:EndsOnColour",
    },
    "dimensions": {
        "visual_quality": "avgen_bench.dimensions.visual_quality:VisualQuality",
        "temporal_coherence": "avgen_bench.dimensions.temporal_coherence:TemporalCoherence",
        "audio_quality": "avgen_bench.dimensions.audio_quality:AudioQuality",
        "av_sync": "avgen_bench.dimensions.av_sync:AvSync",
        "text": "avgen_bench.dimensions.control:Text",
        "speech": "avgen_bench.dimensions.control:Speech",
        "music": "avgen_bench.dimensions.control:Music",
        "sound": "avgen_bench.dimensions.control:Sound",
        "timing": "avgen_bench.dimensions.control:Timing",
        "faces": "avgen_bench.dimensions.control:Faces",
        "shots": "avgen_bench.dimensions.control:Shots",
        "picture": "avgen_bench.dimensions.control:Picture",
        "alignment": "avgen_bench.dimensions.semantic:Alignment",
        "physics": "avgen_bench.dimensions.semantic:Physics",
        "naturalness": "avgen_bench.dimensions.semantic:Naturalness",
        "av_match": "avgen_bench.dimensions.semantic:AvMatch",
    },
    "judges": {
        "openai": "avgen_bench.judges.openai:OpenAI",
        "gemini": "avgen_bench.judges.gemini:Gemini",
        "transformers": "avgen_bench.judges.transformers:Transformers",
        "panel": "avgen_bench.judges.panel:Panel",
        "person": "avgen_bench.judges.person:Person",
        "replay": "avgen_bench.judges.replay:Replay",
    },
}


@cache
def _targets(kind: Kind) -> dict[str, str]:
    from importlib.metadata import entry_points

    found = dict(TABLE[kind])
    for point in entry_points(group=f"avgen_bench.{kind}"):
        if point.name in found and found[point.name] != point.value:
            raise InputError(
                f"two packages offer the {kind[:-1]} {point.name!r}: {found[point.name]} and {point.value}; "
                "uninstall one, or rename its entry point"
            )
        found[point.name] = point.value
    return found


def names(kind: Kind) -> tuple[str, ...]:
    """The names of every registered member of a kind: ours in the order of the table, then those of plug-ins."""
    return tuple(_targets(kind))


def find(kind: Kind, name: str) -> Any:
    """The class of the member called ``name``.

    Raises:
        UnknownNameError: nothing of that name is registered.
    """
    target = _targets(kind).get(name)
    if target is None:
        raise UnknownNameError(f"no {kind[:-1]} is called {name!r}; there are: {', '.join(names(kind)) or 'none'}")
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def load(kind: Kind, name: str) -> Any:
    """One instance of the member called ``name``; judges are made with :func:`find`, they take arguments.

    Raises:
        UnknownNameError: nothing of that name is registered.
    """
    return find(kind, name)()
