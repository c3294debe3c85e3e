"""A model on this machine through Hugging Face transformers: Qwen2.5-Omni, Qwen3-Omni, Gemma 4.

Conventions
    Pictures and sound go in as arrays, those of :class:`~avgen_bench.types.ClipViews` and no others: the processor
    neither samples pictures nor reads files. What came out of it is looked at before anything is asked: a processor
    that drops the sound, or the pictures, gives no judge.

    The reply is begun for the model (``{"answer": "``), so that its next token is the answer: the probability of the
    first word of the menu is taken there, among the tokens that begin a word of the menu in any of its spellings. The
    reply is then written on greedily, to its closing brace; it is read as every reply is.

    Pictures and sound are processed once per clip. One question is answered at a time. Code that comes with a model is
    never run.

Options of the spec (``transformers:PATH_OR_HUB_ID#name=value``)
    ``revision``: 40 hex digits of a commit, which a model of the Hub must be pinned to. ``dtype``: ``auto``,
    ``float32``, ``bfloat16`` or ``float16``. ``device``: ``auto`` (as Accelerate places it; where a
    launcher started several processes on this node, each has one device) or ``cpu``.
    ``max_tokens`` of a reply.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import threading
import wave
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench import ranks
from avgen_bench._lazy import lazy
from avgen_bench.errors import InputError, JudgeBroken, JudgeRefusal, MissingInstrument
from avgen_bench.judges.specs import nothing_left, take_number, take_word
from avgen_bench.judges.views import refuse_unheard
from avgen_bench.types import Ask, ClipViews, JudgeFacts, JudgeReply, JudgeView

if TYPE_CHECKING:
    import cv2
    import numpy as np
else:
    cv2, np = lazy("cv2"), lazy("numpy")

__all__ = ["Transformers", "fingerprint", "first_tokens"]

REVISION = "1"
INSTALL = "pip install 'avgen-bench[gpu]'"
BEGUN = '{"answer": "'
_NEEDED = ("torch", "torchvision", "transformers", "accelerate")
_KNOWN = ("revision", "dtype", "device", "max_tokens")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_RATE_HZ = 16000
_SMALL_BYTES = 8 << 20
_PROBES = 256
_PROBE_BYTES = 16 << 10
_MOST_CLIPS = 4
_HERE = "\u241e question \u241e"
_FAMILIES = {
    "qwen2_5_omni": ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen2_5OmniProcessor"),
    "qwen2_5_omni_thinker": ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen2_5OmniProcessor"),
    "qwen3_omni_moe": ("Qwen3OmniMoeThinkerForConditionalGeneration", "Qwen3OmniMoeProcessor"),
    "qwen3_omni_moe_thinker": ("Qwen3OmniMoeThinkerForConditionalGeneration", "Qwen3OmniMoeProcessor"),
    "gemma4": ("AutoModelForMultimodalLM", "AutoProcessor"),
    "gemma4_unified": ("AutoModelForMultimodalLM", "AutoProcessor"),
}
"""By the model's type: the classes of model and processor; the names by which a whole Omni model knows its thinker."""


def fingerprint(folder: Path) -> str:
    """16 hex digits that tell a model's folder from others: names, sizes, small files whole, samples of large ones.

    Of a large file 256 stretches of 16 KiB are read, evenly spread: any training moves some of those.
    """
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or path.suffix == ".md":
            continue
        size = path.stat().st_size
        whole.update(f"{name}\0{size}\0".encode())
        with open(path, "rb") as file:
            if size <= _SMALL_BYTES:
                whole.update(file.read())
                continue
            for probe in range(_PROBES):
                file.seek((size - _PROBE_BYTES) * probe // (_PROBES - 1))
                whole.update(file.read(_PROBE_BYTES))
    return whole.hexdigest()[:16]


def _kind(folder: Path) -> str:
    """The type of model that a folder says it holds."""
    try:
        value = json.loads((folder / "config.json").read_bytes())
        return str(value["model_type"])[:64]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"the config.json of {folder.name!r} names no type of model") from None


def first_tokens(tokenizer: Any, menu: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """For each word of a menu the tokens that begin it in some spelling, and no other word of the menu."""
    found: dict[str, set[int]] = {}
    for word in menu:
        spelt = {word, word.lower(), word.upper(), word.capitalize()}
        ids = (tokenizer.encode(gap + form, add_special_tokens=False) for form in spelt for gap in ("", " "))
        found[word] = {_first(tokenizer, item) for item in ids} - {-1}
    return {
        word: tuple(sorted(ids - {token for other in menu if other != word for token in found[other]}))
        for word, ids in found.items()
    }


def _first(tokenizer: Any, ids: Sequence[int]) -> int:
    """The first token that is more than a blank; -1 where there is none, or the blank stands alone before it."""
    return ids[0] if ids and tokenizer.decode(ids[:1]).strip() else -1


def _wave(sound: bytes) -> Any:
    """Samples from -1 to 1 of a WAV file of one channel and 16 bits."""
    with wave.open(io.BytesIO(sound)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, _RATE_HZ):
            raise JudgeRefusal(f"the sound is not one channel of 16 bits at {_RATE_HZ} Hz")
        samples: Any = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.astype(np.float32) / 32768.0


def _pictures(frames: Sequence[bytes]) -> Any:
    """Pictures as one array: times, rows, columns, red green blue."""
    found = []
    for data in frames:
        bgr: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            raise JudgeBroken("a picture of the clip is no JPEG")
        found.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    return np.stack(found)


def _versions() -> str:
    said = []
    for name in ("transformers", "torch"):
        version = importlib.metadata.version(name).partition("+")[0]
        said.append(f"{name} {'.'.join(version.split('.')[:2])}")
    return ", ".join(said)


@dataclasses.dataclass(frozen=True, slots=True)
class _Given:
    """A clip and all that stands before the question, ready for the model."""

    inputs: Mapping[str, Any]
    tail: str


class Transformers:
    """A local model; the module says how it is spelt out.

    Args:
        facts: who it is.
        source: a folder, or an id of the Hub.
        revision: the commit of a model of the Hub; None for a folder.
    """

    per_device = True
    """Each process of a launcher has a copy of its own, and questions go to whichever is free."""

    def __init__(self, facts: JudgeFacts, source: str, revision: str | None) -> None:
        self.facts = facts
        self._source = source
        self._revision = revision
        self._lock = threading.Lock()
        self._model: Any = None
        self._processor: Any = None
        self._given: OrderedDict[tuple[str, str, str], tuple[ClipViews, _Given]] = OrderedDict()

    def __repr__(self) -> str:
        return f"Transformers({self.facts.model!r})"

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView, options: Mapping[str, Any]) -> Transformers:
        """The judge of ``transformers:PATH_OR_HUB_ID``; the module lists the options.

        Raises:
            InputError: the path, the id or an option cannot be used.
            MissingInstrument: what it runs on is not installed.
        """
        left = dict(options)
        revision = left.pop("revision", None)
        source = rest.strip()
        folder = Path(source)
        if source and folder.is_dir():
            if revision is not None:
                raise InputError("the judge's option revision is about models of the Hub; this one is a folder")
            if not (folder / "config.json").is_file():
                raise InputError(f"the folder {folder.name!r} holds no config.json, so no model")
        elif not _HUB_ID.fullmatch(source) or source.startswith((".", "/")):
            raise InputError(
                f"{source[:80]!r} is neither a folder nor an id of the Hub; expected transformers:FOLDER or "
                "transformers:OWNER/NAME#revision=SHA"
            )
        elif not re.fullmatch(r"[0-9a-f]{40}", str(revision or "")):
            raise InputError(
                f"{source} names no commit, and what it holds may change; add #revision= and the 40 hex digits of one"
            )
        if view.whole:
            raise InputError("the judge transformers takes pictures and sound, not whole files")
        if view.rate_hz not in (None, _RATE_HZ):
            raise InputError(f"the judge transformers takes sound at {_RATE_HZ} Hz; the view says {view.rate_hz}")
        dtype = take_word(left, "dtype", ("auto", "float32", "bfloat16", "float16"), "auto")
        device = take_word(left, "device", ("auto", "cpu"), "auto")
        most = take_number(left, "max_tokens", 1, 1024, 16, whole=True)
        nothing_left(left, _KNOWN)
        _refuse_missing()
        parameters = {"begun": BEGUN, "dtype": dtype, "max_tokens": most, "with": _versions()}
        name = f"{_kind(folder)}@{fingerprint(folder)}" if revision is None else f"{source}@{revision}"
        facts = JudgeFacts("transformers", name, REVISION, view, True, {**parameters, "device": device})
        return cls(facts, os.fspath(folder) if revision is None else source, revision)

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """The reply to one question about one clip; the same at every repeat.

        Raises:
            JudgeBroken: this clip, or what is asked of it, is more than the machine holds.
            JudgeRefusal: the model cannot be a judge: of no family known here, or deaf to what it is given.
            MissingInstrument: what it runs on is not installed, or does not load.
        """
        refuse_unheard(ask, self.facts.view)
        with self._lock:
            torch = self._load()
            try:
                with torch.inference_mode():
                    return self._answer(torch, ask, views)
            except (torch.OutOfMemoryError, MemoryError) as error:
                why = (
                    f"the machine's memory does not hold this question ({_line(error)}); give fewer or smaller pictures"
                )
            except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
                why = f"the model broke on this question: {_line(error)}"
            self._given.clear()  # frees what was prepared; outside the handler, which holds on to it
        raise JudgeBroken(why)

    def close(self) -> None:
        """Let go of the model."""
        with self._lock:
            self._model = self._processor = None
            self._given.clear()

    # --- the model

    def _load(self) -> Any:
        """Torch, once the model is there."""
        try:
            torch: Any = importlib.import_module("torch")
            transformers: Any = importlib.import_module("transformers")
        except (ImportError, OSError, RuntimeError) as error:
            raise MissingInstrument(f"torch and transformers do not load ({_line(error)}): {INSTALL}") from None
        if self._model is not None:
            return torch
        where: dict[str, Any] = {"trust_remote_code": False}
        if self._revision is not None:
            where["revision"] = self._revision
        try:
            config = transformers.AutoConfig.from_pretrained(self._source, **where)
        except (OSError, ValueError, KeyError) as error:
            raise JudgeRefusal(f"the model {self.facts.model} cannot be found or read: {_line(error)}") from None
        family = _FAMILIES.get(config.model_type)
        if family is None:
            raise JudgeRefusal(
                f"{self.facts.model} is a model of type {config.model_type!r}; there are: {', '.join(_FAMILIES)}"
            )
        parameters = self.facts.parameters
        placed: dict[str, Any] = {"device_map": "auto" if parameters["device"] == "auto" else "cpu"}
        if parameters["device"] == "auto" and ranks.count_here() > 1 and torch.cuda.is_available():
            placed = {"device_map": {"": ranks.rank_here() % torch.cuda.device_count()}}  # one copy per device
        try:
            processor = getattr(transformers, family[1]).from_pretrained(self._source, **where)
            model, told = getattr(transformers, family[0]).from_pretrained(
                self._source, dtype=parameters["dtype"], output_loading_info=True, **placed, **where
            )
        except (ImportError, AttributeError) as error:
            raise MissingInstrument(f"{config.model_type} does not load ({_line(error)}): {INSTALL}") from None
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise JudgeRefusal(f"the model {self.facts.model} cannot be loaded: {_line(error)}") from None
        absent = [*told.get("missing_keys", ()), *told.get("mismatched_keys", ())]
        if absent:  # the library fills them with random numbers, and such a model answers like any other
            raise JudgeRefusal(
                f"{len(absent)} weights of {self.facts.model} are not among those that it comes with, as "
                f"{absent[0]!s:.80}"
            )
        if not getattr(processor, "chat_template", None):
            raise JudgeRefusal(f"{self.facts.model} comes without a chat template")
        self._model, self._processor = model.eval(), processor
        return torch

    # --- one question

    def _answer(self, torch: Any, ask: Ask, views: ClipViews) -> JudgeReply:
        given = self._clip(torch, ask, views)
        tokenizer, device = self._processor.tokenizer, self._model.device
        text = self._plain(ask.text) + given.tail + BEGUN
        more = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        inputs = dict(given.inputs)
        length = inputs["input_ids"].shape[1]
        for name, value in given.inputs.items():
            if not torch.is_tensor(value) or value.shape != (1, length):
                continue
            # one for the mask of attention; zero for what says which tokens are pictures or sound
            rest = more if name == "input_ids" else torch.full_like(more, int(name == "attention_mask"))
            inputs[name] = torch.cat([value, rest.to(value.device, value.dtype)], dim=1)
        dtype = self._model.dtype
        ready = {}
        for name, value in inputs.items():
            as_weights = name.startswith(("pixel_values", "input_features")) and value.is_floating_point()
            if torch.is_tensor(value):
                value = value.to(device, dtype if as_weights else value.dtype)
            ready[name] = value
        start = ready["input_ids"].shape[1]
        made = self._model.generate(
            **ready,
            max_new_tokens=self.facts.parameters["max_tokens"],
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            return_dict_in_generate=True,
            output_logits=True,
            stopping_criteria=[_closed(torch, tokenizer, start)],
        )
        written = made.sequences[0, start:].tolist()
        raw = BEGUN + tokenizer.decode(written, skip_special_tokens=True)
        ended = "}" in raw or (written and written[-1] in _ends(self._model, tokenizer))
        return JudgeReply(
            raw=raw,
            p_yes=self._p_first(torch, made.logits[0][0], ask.menu),
            model=self.facts.model,
            finish="stop" if ended else "length",
            tokens_in=start,
            tokens_out=len(written),
        )

    def _p_first(self, torch: Any, logits: Any, menu: Sequence[str]) -> float | None:
        """The probability of the first word of the menu among its words; None where one of them has no token."""
        tokens = first_tokens(self._processor.tokenizer, menu)
        if not all(tokens.values()):
            return None
        row = logits.double()
        mass = torch.stack([torch.logsumexp(row[list(tokens[word])], 0) for word in menu])
        value = float(torch.softmax(mass, 0)[0])
        return min(1.0, max(0.0, value)) if value == value else None

    def _plain(self, text: str) -> str:
        """A text without the marks that this model's template reserves."""
        for mark in self._processor.tokenizer.all_special_tokens:
            text = text.replace(mark, " ")
        return text

    # --- the clip

    def _clip(self, torch: Any, ask: Ask, views: ClipViews) -> _Given:
        """All that stands before the question, made once for each clip and modality."""
        key = (views.clip_id, ask.modality, ask.system)
        kept = self._given.get(key)
        if kept is None or (kept[0] is not views and kept[0] != views):
            kept = self._given[key] = (views, self._made(torch, ask, views))
        self._given.move_to_end(key)
        while len({clip_id for clip_id, _, _ in self._given}) > _MOST_CLIPS:
            self._given.popitem(last=False)
        return kept[1]

    def _made(self, torch: Any, ask: Ask, views: ClipViews) -> _Given:
        content: list[dict[str, str]] = [{"type": "text", "text": f"The clip lasts {views.duration_s:.2f} s."}]
        media: dict[str, Any] = {}
        if ask.modality != "sound":
            if views.frames:
                content.append({"type": "video"})
                pictures = torch.from_numpy(_pictures(views.frames)).permute(0, 3, 1, 2)
                media["videos"] = [pictures]
                media["videos_kwargs"] = self._how(views, pictures)
            else:
                content.append({"type": "text", "text": "It has no picture."})
        if ask.modality != "picture":
            if views.sound is not None:
                content.append({"type": "audio"})
                samples = _wave(views.sound)
                media["audio"] = [samples]
                # all of the sound and no more: by default it is filled up to a length, and cut there
                media["audio_kwargs"] = {"sampling_rate": _RATE_HZ, "max_length": len(samples), "truncation": False}
            else:
                content.append({"type": "text", "text": "The clip has no sound."})
        content.append({"type": "text", "text": _HERE})
        messages = [
            {"role": "system", "content": [{"type": "text", "text": self._plain(ask.system)}]},
            {"role": "user", "content": content},
        ]
        text = self._processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        head, mark, tail = text.partition(_HERE)
        if not mark or _HERE in tail:
            raise JudgeRefusal(f"the chat template of {self.facts.model} does not show the question once")
        # the template has begun the text already, and a second beginning would be another text
        words = {"add_special_tokens": False}
        inputs = dict(self._processor(text=[head], text_kwargs=words, return_tensors="pt", **media))
        self._check(torch, inputs, media)
        return _Given(inputs, tail)

    def _how(self, views: ClipViews, pictures: Any) -> dict[str, Any]:
        """What the processor is told of the pictures: when they are from, and to take them as they are."""
        count = len(views.times_s)
        span_s = views.times_s[-1] - views.times_s[0] if count > 1 else 0.0
        fps = (count - 1) / span_s if span_s > 0 else self.facts.view.fps
        how: dict[str, Any] = {"do_sample_frames": False}
        metadata = {"total_num_frames": count, "fps": fps, "duration": views.duration_s}
        how["video_metadata"] = [{**metadata, "frames_indices": list(range(count))}]
        known = set(getattr(self._processor.video_processor, "valid_kwargs", object).__annotations__)
        if "cap_pixels_per_frame" in known:
            how["cap_pixels_per_frame"] = True
        if "fps" in known:
            how["fps"] = fps
        return how

    def _check(self, torch: Any, inputs: Mapping[str, Any], media: Mapping[str, Any]) -> None:
        """Refuse a processor that lets pictures or sound fall.

        Raises:
            JudgeRefusal: they are not among what the model would be given.
        """
        ids = inputs["input_ids"]
        for what, name, token in (("sound", "audio", "audio_token_id"), ("pictures", "videos", "video_token_id")):
            names = ("input_features",) if what == "sound" else ("pixel_values_videos", "pixel_values")
            if name not in media:
                continue
            found = [inputs[key] for key in names if key in inputs]
            there = bool(found) and torch.is_tensor(found[0]) and found[0].numel() > 0
            mark = getattr(self._processor, token, None)
            if mark is None:
                mark = getattr(self._processor.tokenizer, token, None)
            if not there or mark is None or not bool((ids == mark).any()):
                raise JudgeRefusal(f"the processor of {self.facts.model} dropped the {what}, so it cannot judge them")
        if "audio" not in media:
            return
        mask = next((inputs[key] for key in ("feature_attention_mask", "input_features_mask") if key in inputs), None)
        hop = getattr(self._processor.feature_extractor, "hop_length", 160)
        if mask is not None and int(mask.sum()) < len(media["audio"][0]) // hop - 8:
            raise JudgeRefusal(f"the processor of {self.facts.model} cut the sound short, so it cannot judge it")


def _closed(torch: Any, tokenizer: Any, start: int) -> Any:
    """A criterion that ends a reply at its closing brace."""

    def closed(ids: Any, scores: Any, **_: Any) -> Any:
        ended = ["}" in tokenizer.decode(row[start:]) for row in ids]
        return torch.tensor(ended, dtype=torch.bool, device=ids.device)

    return closed


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """The tokens at which the model ends by itself."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    found = set(ends) if isinstance(ends, list | tuple) else {ends}
    return {token for token in (*found, tokenizer.eos_token_id) if isinstance(token, int)}


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _refuse_missing() -> None:
    absent = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise MissingInstrument(
            f"the judge transformers needs {' and '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not "
            f"installed: {INSTALL}"
        )
