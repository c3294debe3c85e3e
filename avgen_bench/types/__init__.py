"""The nouns of avgen-bench.

Conventions
    Times are seconds on one timeline: zero is the presentation time of the container's zero, for picture and sound.
    Spans are half open, ``[start_s, end_s)``. Luma is uint8 in video range (16 black, 235 white), shape (H, W). RGB is
    uint8, shape (H, W, 3). Audio is float32 in [-1, 1], shape (channels, samples). Flow is float32, shape (H, W, 2), in
    pixels of its own grid from the previous frame to this one (x, then y). All values are frozen, check themselves on
    construction, and round-trip through strict JSON (no NaN, no infinity).
"""

from __future__ import annotations

from avgen_bench.types._json import canonical_json
from avgen_bench.types.judge import YES_NO, Answers, Ask, Call, ClipViews, Judge, JudgeFacts, JudgeReply, JudgeView
from avgen_bench.types.measurement import STATUSES, VERDICTS, Evidence, Lacking, Measurement, Outcome, Status, Verdict
from avgen_bench.types.member import Backbone, BackboneFacts, Consumer, Dimension, DimensionFacts
from avgen_bench.types.observation import (
    PAYLOADS,
    AudioScores,
    ChordSpans,
    FaceTracks,
    FrameScores,
    Header,
    LoudnessCurve,
    MediaFacts,
    NoteEvents,
    Observation,
    Onsets,
    Payload,
    PitchTrack,
    Shots,
    SyncCurve,
    TextSpans,
    Thumbnails,
    Transcript,
    fingerprint_of,
    observation_from_json,
)
from avgen_bench.types.prompt import (
    MODALITIES,
    QUESTION_TYPES,
    SEVERITIES,
    Check,
    Clip,
    Constraint,
    Expectation,
    Param,
    Prompt,
    Question,
    Rung,
)
from avgen_bench.types.views import AudioBlock, AudioView, FlowView, Frame, FrameView, MediaLimits, StreamFacts, View

__all__ = [
    "MODALITIES",
    "PAYLOADS",
    "QUESTION_TYPES",
    "SEVERITIES",
    "STATUSES",
    "VERDICTS",
    "YES_NO",
    "Answers",
    "Ask",
    "AudioBlock",
    "AudioScores",
    "AudioView",
    "Backbone",
    "BackboneFacts",
    "Call",
    "Check",
    "ChordSpans",
    "Clip",
    "ClipViews",
    "Constraint",
    "Consumer",
    "Dimension",
    "DimensionFacts",
    "Evidence",
    "Expectation",
    "FaceTracks",
    "FlowView",
    "Frame",
    "FrameScores",
    "FrameView",
    "Header",
    "Judge",
    "JudgeFacts",
    "JudgeReply",
    "JudgeView",
    "Lacking",
    "LoudnessCurve",
    "Measurement",
    "MediaFacts",
    "MediaLimits",
    "NoteEvents",
    "Observation",
    "Onsets",
    "Outcome",
    "Param",
    "Payload",
    "PitchTrack",
    "Prompt",
    "Question",
    "Rung",
    "Shots",
    "Status",
    "StreamFacts",
    "SyncCurve",
    "TextSpans",
    "Thumbnails",
    "Transcript",
    "Verdict",
    "View",
    "canonical_json",
    "fingerprint_of",
    "observation_from_json",
]
