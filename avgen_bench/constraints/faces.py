"""Human faces: how many, and whose."""

from __future__ import annotations

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance

__all__ = ["FaceCount", "SameFace"]


class FaceCount(Kind):
    """So many human faces are seen at once."""

    facts = KindFacts(
        kind="face_count",
        theme="faces",
        summary="as many human faces are seen at once, at the most, as stated",
        check="Faces are detected and tracked; the largest number of tracks of half a second or more that are seen "
        "together in the window must lie in the range.",
        required=("count_min", "count_max"),
        optional=WINDOW,
        tolerance=Tolerance(0.0, 1.0, "faces"),
        has_moment=True,
    )


class SameFace(Kind):
    """One and the same face throughout."""

    facts = KindFacts(
        kind="same_face",
        theme="faces",
        summary="one and the same person's face is seen whenever a face is, through every cut",
        check="Embeddings of all face tracks of half a second or more, in the window, must fall into one identity; "
        "the share of face time that belongs to another must be within tolerance. No face fails.",
        optional=WINDOW,
        tolerance=Tolerance(0.05, 0.2, "share of face time"),
    )
