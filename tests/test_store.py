"""What was written is found again; what was torn is dropped and counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from avgen_bench.errors import StoreBusy, StoreError
from avgen_bench.store import Shard, Store, measurement_key, write_text, writing
from avgen_bench.types import Evidence, FrameScores, Header, Measurement, Observation


def observation(clip_id: str = "a", value: float = 0.123456789) -> Observation:
    return Observation(
        Header(clip_id, "p", "1", {"k": 1}, ("v",)), FrameScores((0.0, 0.5), {"x": (value, 2.0)}, {"t": 3.0})
    )


def measurement(clip: str = "a", value: float = 0.5) -> Measurement:
    evidence = (
        Evidence("part", "é </script>", value=1.0, unit="px", score=0.25),
        Evidence("curve", "c", x=(0.0,), y=(1.0,)),
    )
    return Measurement("d", "1", clip, f"key-{clip}", "p", "ok", value, "", evidence, ("f",), "sig")


KEY = measurement_key("key-a", "d", "1", "sig")


def test_round_trip(tmp_path: Path) -> None:
    shard = Shard(tmp_path)
    shard.add_observation(observation())
    shard.add_measurements([measurement()])
    store = Store(tmp_path)
    found = store.observation(observation().header.fingerprint)
    assert found is not None and found.header == observation().header
    assert found.payload == FrameScores((0.0, 0.5), {"x": (0.123457, 2.0)}, {"t": 3.0})  # six significant digits
    assert store.measurement(KEY) == measurement()
    assert store.counts() == {"obs": 1, "mea": 1}
    assert store.dropped == 0


@pytest.mark.parametrize("cut", [1, 5, 30, 120])
def test_a_torn_tail_is_dropped_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    shard = Shard(tmp_path)
    shard.add_measurements([measurement("a")])
    shard.add_measurements([measurement("b")])
    shard.path.write_bytes(shard.path.read_bytes()[:-cut])
    store = Store(tmp_path)
    assert store.measurement(KEY) == measurement()
    assert store.measurement(measurement_key("key-b", "d", "1", "sig")) is None


def test_a_tail_still_being_written_is_found_on_the_next_look(tmp_path: Path) -> None:
    shard = Shard(tmp_path)
    shard.add_measurements([measurement()])
    whole = shard.path.read_bytes()
    shard.path.write_bytes(whole[:50])
    store = Store(tmp_path)
    assert store.measurement(KEY) is None
    shard.path.write_bytes(whole)
    store.refresh()
    assert store.measurement(KEY) == measurement()


def test_a_flipped_bit_drops_one_line_and_is_counted(tmp_path: Path) -> None:
    shard = Shard(tmp_path)
    for name in "abc":
        shard.add_measurements([measurement(name)])
    data = bytearray(shard.path.read_bytes())
    middle = data.index(b"key-b")
    data[middle] ^= 1
    shard.path.write_bytes(data)
    store = Store(tmp_path)
    assert store.dropped == 1
    found = [store.measurement(measurement_key(f"key-{name}", "d", "1", "sig")) for name in "abc"]
    assert found == [measurement("a"), None, measurement("c")]


def test_later_shards_win(tmp_path: Path) -> None:
    first, second = Shard(tmp_path), Shard(tmp_path)
    second.add_measurements([measurement(value=0.75)])
    first.add_measurements([measurement(value=0.25)])
    found = Store(tmp_path).measurement(KEY)
    assert found is not None and found.value == 0.75


def test_a_full_disk_is_a_typed_error(tmp_path: Path) -> None:
    shard = Shard(tmp_path)
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    shard.path = Path("/dev/full")
    with pytest.raises(StoreError, match="free some space"):
        shard.add_measurements([measurement()])


def test_every_field_of_the_header_is_in_the_fingerprint() -> None:
    base = Header("a", "p", "1", {"k": 1}, ("v",), {"numpy": "2"})
    others = [
        Header("b", "p", "1", {"k": 1}, ("v",), {"numpy": "2"}),
        Header("a", "q", "1", {"k": 1}, ("v",), {"numpy": "2"}),
        Header("a", "p", "2", {"k": 1}, ("v",), {"numpy": "2"}),
        Header("a", "p", "1", {"k": 2}, ("v",), {"numpy": "2"}),
        Header("a", "p", "1", {"k": 1}, ("w",), {"numpy": "2"}),
        Header("a", "p", "1", {"k": 1}, ("v",), {"numpy": "3"}),
    ]
    assert len({item.fingerprint for item in [base, *others]}) == 7


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from avgen_bench.store import writing\n"
        "with writing(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline()
    try:
        with pytest.raises(StoreBusy, match="another run"), writing(tmp_path, patience_s=0.2):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with writing(tmp_path, patience_s=2.0):
        pass


def test_write_text_leaves_no_drafts(tmp_path: Path) -> None:
    write_text("1", tmp_path / "a.json")
    write_text("2", tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "2"
