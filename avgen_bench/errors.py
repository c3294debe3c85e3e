"""Every exception that avgen-bench raises on purpose.

    AvgenError
    ├── InputError            what the caller gave cannot be used
    │   ├── ManifestError     a clip list, a folder of clips or a prompt file
    │   ├── ConstraintError   a constraint that its kind does not allow
    │   └── UnknownNameError  no dimension, backbone, judge or constraint of that name
    ├── MediaError            one clip cannot be measured
    │   ├── UnreadableMedia   not a media file, or none of the formats on the list
    │   ├── TruncatedMedia    the container promises more than the file holds
    │   ├── DamagedMedia      too many packets do not decode, or a hole in time
    │   └── MediaLimit        size, pixels, duration, frames, rate, channels or deadline
    ├── StoreError            a run folder that cannot be read or written
    │   └── StoreBusy         another process is writing to it
    ├── JudgeError            a judge could not be asked
    │   ├── JudgeBusy         it asks to come back later
    │   ├── JudgeBroken       the server, or the way to it, broke; trying again may help
    │   └── JudgeRefusal      trying again cannot help: a wrong key, an unknown model, a malformed request
    │       └── JudgeRejection    of this clip: too large, or undecodable; others may be taken
    ├── HubError              the Hub did not take, or did not give, what it was asked
    │   ├── HubDenied         no token, or one that may not do this
    │   ├── HubUnknown        no such repository, or not for this token
    │   └── HubBroken         it failed, did not answer in time, or cannot be reached: trying again may help
    ├── LaunchError           one of several processes that share a run is gone, or did not come
    ├── MissingInstrument     a backbone or judge that is not installed
    ├── GeneratorError        a generator that can make no clip at all: a wrong key, an unknown model, no connection
    └── FactoryError          a known-truth clip that cannot be rendered

A message says what was got, what was expected, and what to do.
"""

from __future__ import annotations

__all__ = [
    "AvgenError",
    "ConstraintError",
    "DamagedMedia",
    "FactoryError",
    "GeneratorError",
    "HubBroken",
    "HubDenied",
    "HubError",
    "HubUnknown",
    "InputError",
    "JudgeBroken",
    "JudgeBusy",
    "JudgeError",
    "JudgeRefusal",
    "JudgeRejection",
    "LaunchError",
    "ManifestError",
    "MediaError",
    "MediaLimit",
    "MissingInstrument",
    "StoreBusy",
    "StoreError",
    "TruncatedMedia",
    "UnknownNameError",
    "UnreadableMedia",
]


class AvgenError(Exception):
    """Base of all errors that avgen-bench raises on purpose."""


class InputError(AvgenError):
    """Something that the caller gave cannot be used."""


class ManifestError(InputError):
    """A clip list, a folder of clips or a prompt file cannot be used."""


class ConstraintError(InputError):
    """A constraint of an unknown kind, or with parameters that its kind does not allow."""


class UnknownNameError(InputError):
    """No member of that name is registered."""


class MediaError(AvgenError):
    """One clip cannot be measured; ``code`` is a short, stable word for tables."""

    code = "media"


class UnreadableMedia(MediaError):
    """The file is missing, not regular, or in no accepted format."""

    code = "unreadable"


class TruncatedMedia(MediaError):
    """The container promises more than the file holds."""

    code = "truncated"


class DamagedMedia(MediaError):
    """Too many packets do not decode, or a stretch of time is missing."""

    code = "damaged"


class MediaLimit(MediaError):
    """The clip is larger than a limit of :class:`avgen_bench.types.MediaLimits`."""

    code = "limit"


class StoreError(AvgenError):
    """A run folder cannot be read or written."""


class StoreBusy(StoreError):
    """Another process is writing to the run folder."""


class JudgeError(AvgenError):
    """A judge could not be asked; ``code`` is a short, stable word for tables."""

    code = "judge"


class JudgeBusy(JudgeError):
    """The judge asks to come back later; ``after_s`` says when, where the server does."""

    code = "busy"

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class JudgeBroken(JudgeError):
    """The server, or the way to it, broke; trying again may help.

    ``sent`` is False where nobody was reached: nothing was sent, so nothing is billed.
    """

    code = "broken"

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class JudgeRefusal(JudgeError):
    """Trying again cannot help: a wrong key, an unknown model, a malformed request."""

    code = "refused"


class JudgeRejection(JudgeRefusal):
    """The server does not take this request, though it may take others: a clip too large for it, or undecodable."""

    code = "rejected"


class HubError(AvgenError):
    """The Hub did not take, or did not give, what it was asked."""


class HubDenied(HubError):
    """There is no token, or it may not do this."""


class HubUnknown(HubError):
    """No repository of that name, or none that this token may see."""


class HubBroken(HubError):
    """The Hub failed, did not answer in time, or cannot be reached; trying again may help."""


class LaunchError(AvgenError):
    """One of several processes that share a run is gone, or did not come; what was measured is kept."""


class MissingInstrument(AvgenError):
    """A backbone or judge that is not installed."""


class GeneratorError(AvgenError):
    """A generator can make no clip at all: a wrong key, an unknown model, no connection."""


class FactoryError(AvgenError):
    """A known-truth clip cannot be rendered."""
