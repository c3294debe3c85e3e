"""What names a local judge; needs no torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from avgen_bench.errors import InputError, MissingInstrument
from avgen_bench.judges import transformers as local
from avgen_bench.judges.specs import judge_of
from avgen_bench.types import JudgeView

SHA = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("transformers:", "neither a folder nor an id"),
        ("transformers:/no/such/folder", "neither a folder nor an id"),
        ("transformers:../model", "neither a folder nor an id"),
        ("transformers:name", "neither a folder nor an id"),
        ("transformers:owner/name", "names no commit"),
        ("transformers:owner/name#revision=main", "names no commit"),
        (f"transformers:owner/name#revision={SHA[:-1]}", "names no commit"),
        (f"transformers:owner/name#revision={SHA}#dtype=int8", "auto, float32, bfloat16, float16"),
        (f"transformers:owner/name#revision={SHA}#trust_remote_code=yes", "there are: revision"),
    ],
)
def test_a_spec_that_cannot_be_used(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        judge_of(spec)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        judge_of(f"transformers:{tmp_path}")
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(InputError, match="about models of the Hub"):
        judge_of(f"transformers:{tmp_path}#revision={SHA}")


def test_what_is_missing_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def absent(name: str) -> Any:
        return None if name in ("torch", "accelerate") else found("json")

    monkeypatch.setattr(local.importlib.util, "find_spec", absent)  # type: ignore[attr-defined]
    with pytest.raises(MissingInstrument, match=r"torch and accelerate.*pip install 'avgen-bench\[gpu\]'"):
        judge_of(f"transformers:owner/name#revision={SHA}")


def test_a_model_of_the_hub_is_named_with_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_refuse_missing", lambda: None)
    monkeypatch.setattr(local, "_versions", lambda: "transformers 5.23, torch 2.13")
    facts = judge_of(f"transformers:owner/name#revision={SHA}", JudgeView(fps=4.0)).facts
    assert facts.model == f"owner/name@{SHA}" and facts.probabilities
    assert facts.identity != judge_of(f"transformers:owner/name#revision={SHA}").facts.identity


def test_a_fingerprint_tells_folders_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_SMALL_BYTES", 1000)
    monkeypatch.setattr(local, "_PROBE_BYTES", 16)
    weights = bytes(range(256)) * 40
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(weights)
    first = local.fingerprint(tmp_path)
    (tmp_path / "README.md").write_text("no part of the model")
    assert local.fingerprint(tmp_path) == first
    for changed in (weights[:-1] + b"\0", b"\1" + weights[1:], weights + b"\0", bytes(b ^ 1 for b in weights)):
        (tmp_path / "model.safetensors").write_bytes(changed)
        assert local.fingerprint(tmp_path) != first
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "config.json").write_text("[]")
    assert local.fingerprint(tmp_path) != first
