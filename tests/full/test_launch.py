"""One run under torchrun: processes of one node and of two give the bytes of one alone, whatever happens to them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import plugin
import pytest
import tiny_omni
from scenes import small_clip

pytestmark = pytest.mark.full

FILES = ("report.json", "run.json", "receipts.jsonl")
METRIC = """
import json, sys
import avgen_bench
import evaluate
clips, out = sys.argv[1:]
metric = evaluate.load("avgen_perceptual", "audio_quality")
names = sorted(str(path) for path in __import__("pathlib").Path(clips).glob("*.mp4"))
for _ in range(2):
    found = metric.compute(predictions=[*names, names[0] + ".none"], per_sample=True)
import os
open(f"{out}/rank{os.environ.get('RANK', 'less')}.json", "w").write(json.dumps(found, sort_keys=True))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("launch")
    (folder / "site").mkdir()
    plugin.install(folder / "site")
    (folder / "clips").mkdir()
    for index, brightness in enumerate((60, 100, 140)):
        small_clip(folder / "clips" / f"c{index}.mp4", brightness, seed=index)
    (folder / "metric.py").write_text(METRIC)
    return folder


def _environment(place: Path, **more: str) -> dict[str, str]:
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("AVGEN_", "WORLD_", "HF_"))}
    usual |= {
        "PYTHONPATH": str(place / "site"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    return {**usual, "HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "home"), **more}


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _torchrun(*words: str, nodes: int = 1, node: int = 0, processes: int = 2, port: int | None = None) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}", f"--nnodes={nodes}"]
    return [*launcher, f"--node_rank={node}", "--master_addr=127.0.0.1", f"--master_port={port or _port()}", *words]


def _words(place: Path, out: str) -> list[str]:
    words = ["score", str(place / "clips"), "--out", str(place / out), "--dimensions", "plugin_brightness"]
    return ["-m", "avgen_bench", *words, "--embed", "never", "--workers", "1"]


def _run(place: Path, command: list[str], **more: str) -> str:
    done = subprocess.run(command, env=_environment(place, **more), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _files(place: Path, out: str) -> list[bytes]:
    return [(place / out / name).read_bytes() for name in FILES]


@pytest.fixture(scope="module")
def alone(place: Path) -> list[bytes]:
    _run(place, [sys.executable, *_words(place, "alone")])
    return _files(place, "alone")


@pytest.mark.parametrize("processes", [2, 4])
def test_the_same_bytes_however_many(place: Path, alone: list[bytes], processes: int) -> None:
    log = place / f"log{processes}"
    said = _run(place, _torchrun(*_words(place, f"p{processes}"), processes=processes), PLUGIN_LOG=str(log))
    assert _files(place, f"p{processes}") == alone
    assert len(log.read_text().splitlines()) == 3, "each clip is looked at once, also where there are fewer than ranks"
    assert said.count("data:") == 1, "one process alone prints"


def test_accelerate_launch(place: Path, alone: list[bytes]) -> None:
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]
    launcher += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", f"--main_process_port={_port()}"]
    _run(place, [*launcher, *_words(place, "accelerated")], ACCELERATE_USE_CPU="true")
    assert _files(place, "accelerated") == alone


def test_two_nodes_that_share_no_run_folder(place: Path, alone: list[bytes]) -> None:
    port, log = _port(), place / "node log"
    environment = _environment(place, PLUGIN_LOG=str(log), PLUGIN_SLEEP_S="0.2")
    nodes = []
    for node, out in enumerate(("node0", "node1")):  # the second's folder is another, and stays unwritten
        command = _torchrun(*_words(place, out), nodes=2, node=node, processes=1, port=port)
        nodes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    said = [process.communicate(timeout=300)[1].decode() for process in nodes]
    assert [process.returncode for process in nodes] == [0, 0], said
    assert _files(place, "node0") == alone
    assert len(log.read_text().splitlines()) == 3
    assert not (place / "node1").exists()


def _ranks(launcher: int) -> dict[int, int]:
    """The processes that a launcher has started, by rank."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == launcher:
                rows = (folder / "environ").read_bytes().split(b"\0")
                [rank] = [row[5:] for row in rows if row.startswith(b"RANK=")]
                found[int(rank)] = int(folder.name)
    return found


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_rank_that_dies_ends_the_run_on_both_nodes(place: Path, alone: list[bytes], victim: int) -> None:
    port, log = _port(), place / f"log of {victim}"
    environment = _environment(place, PLUGIN_LOG=str(log), PLUGIN_SLEEP_S="1.5")
    nodes = []
    out = f"killed{victim}"
    for node in (0, 1):
        command = _torchrun(*_words(place, out), nodes=2, node=node, processes=1, port=port)
        nodes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    try:
        began_s = time.monotonic()
        while not (log.exists() and len(log.read_text().splitlines()) == 2):  # the third clip is in work
            assert time.monotonic() - began_s < 120 and nodes[0].poll() is None
            time.sleep(0.1)
        os.kill(_ranks(nodes[victim].pid)[victim], signal.SIGKILL)
        began_s = time.monotonic()
        codes = [process.wait(timeout=60) for process in nodes]
    finally:
        for process in nodes:
            process.kill()
    assert all(codes), codes
    assert time.monotonic() - began_s < 20.0
    again = place / f"log after {victim}"
    _run(place, _torchrun(*_words(place, out)), PLUGIN_LOG=str(again))
    assert _files(place, out) == alone
    assert len(again.read_text().splitlines()) < 3, "what was stored is not looked at again"


def test_every_rank_gets_the_same_numbers(place: Path) -> None:
    words = [str(place / "metric.py"), str(place / "clips"), str(place)]
    _run(place, [sys.executable, *words])
    _run(place, _torchrun(*words))
    texts = [(place / f"rank{rank}.json").read_text() for rank in ("less", "0", "1")]
    assert texts[0] == texts[1] == texts[2]
    found: dict[str, Any] = json.loads(texts[0])
    assert found["avgen_perceptual/n"] == 4 and found["avgen_perceptual/failed"] == 1
    assert len(found["avgen_perceptual/rows"]) == 4


def test_each_rank_has_a_copy_of_the_judge_and_nothing_is_asked_twice(place: Path) -> None:
    model = tiny_omni.save(place / "model")
    words = ["-m", "avgen_bench", "score", str(place / "clips"), "--dimensions", "naturalness", "--embed", "never"]
    words += ["--judge", f"transformers:{model}#device=cpu", "--workers", "1"]
    _run(place, [sys.executable, *words, "--out", str(place / "one judge")])
    _run(place, _torchrun(*words, "--out", str(place / "two judges")))
    assert _files(place, "two judges") == _files(place, "one judge")  # run.json counts the calls
    spent = json.loads((place / "two judges" / "run.json").read_bytes())["judge"]["spent"]
    assert spent["calls"] > 10 and spent["retries"] == 0
