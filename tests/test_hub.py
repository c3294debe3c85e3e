"""Publishing against a Hub on loopback: all of it or nothing, by those who may, and never a token in sight."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import loopback_hub
import pytest
import yaml
from avgen_bench.cards import metric_card
from loopback_hub import OWNER, READER, Fault, LoopbackHub
from scenes import small_clip

from avgen_bench import cli_hub, hub, model_card, runner
from avgen_bench.cli import main
from avgen_bench.errors import AvgenError, HubBroken, HubDenied, HubError, HubUnknown, InputError
from avgen_bench.factory.impacts import impact_scene
from avgen_bench.factory.render import render

huggingface_hub = pytest.importorskip("huggingface_hub")
_http = pytest.importorskip("huggingface_hub.utils._http")

README = b"---\nlicense: mit\n---\n# Model A\n\nBy hand.\n"
HANG_S = 1.5


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub that this process talks to, as its owner; it holds the model org/model-a."""
    from huggingface_hub import constants

    with loopback_hub.loopback_hub(HANG_S) as made:
        for name, value in made.environment(tmp_path / "hf").items():
            if name.startswith("HF_"):
                monkeypatch.setenv(name, value)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(constants, "ENDPOINT", made.url)
        template = made.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        # a list that the library fetches, once a day, into the user's own folder
        monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"), raising=False)
        _http.close_session()
        made.make("model", "org/model-a", {"README.md": README, "model.bin": b"\0" * 9})
        yield made
        _http.close_session()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before asking a Hub again that does not answer."""
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored run of the perceptual family on the benchmark's prompts, two of which have a clip."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "model-a").mkdir()
    for number, name in enumerate(("ads-001", "ads-002")):
        scene = impact_scene("ball", 3 + number, width=160, height=120, fps=24.0, duration_s=4.0)
        render(scene, folder / "model-a" / f"{name}.mp4")
    runner.score(
        folder / "model-a", folder / "RUN", prompts="avgen-bench", dimensions=list(model_card.members("perceptual")),
        workers=0,
    )  # fmt: skip
    os.utime(folder / "RUN" / "run.json", (1767312000, 1767312000))  # 2026-01-02
    return folder / "RUN"


def _push(*arguments: str | Path) -> int:
    return main(["push", *map(str, arguments)])


def _model(run: Path, *more: str) -> list[str]:
    return [str(run), "--model", "org/model-a", "--benchmark", "org/avgen-bench", *more]


# --------------------------------------------------------------------------- the round trip


def test_a_run_travels_to_its_model_as_a_pull_request(
    home: LoopbackHub, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _push(*_model(run, "--pr", "--yes")) == 0
    out = capsys.readouterr().out
    assert "changed" in out and "README.md" in out and ".eval_results/avgen-bench.yaml" in out
    assert "only there, left as it is: model.bin" in out and "/discussions/1" in out
    repository = home.repositories["model", "org/model-a"]
    assert repository.files["README.md"] == README and repository.log == ["initial commit"]
    home.merge(repository, 1)
    text = repository.files["README.md"].decode()
    assert text.startswith("---\nlicense: mit\nmodel-index:\n") and "# Model A\n\nBy hand.\n" in text
    info = huggingface_hub.HfApi().model_info("org/model-a", expand=["evalResults"])
    [entry] = info.eval_results
    assert (entry.dataset_id, entry.task_id, entry.date) == ("org/avgen-bench", "perceptual", "2026-01-02")
    report = json.loads((run / "report.json").read_text()) if (run / "report.json").exists() else None
    report = report or runner.read_report(run)
    means = [row["mean"] for row in report["estimates"]]
    assert len(means) == 4 and entry.value == pytest.approx(100 * sum(means) / 4, abs=0.006)
    card = huggingface_hub.ModelCard.load("org/model-a")
    assert {item.metric_value for item in card.data.eval_results} == set(means)


def test_the_card_command_writes_what_push_sends(
    home: LoopbackHub, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_bytes(README)
    said = ["card", str(run), "--model", "org/model-a", "--benchmark", "org/avgen-bench"]
    assert main([*said, "--out", str(tmp_path / "README.md")]) == 0
    assert "no entry of control" in capsys.readouterr().err
    assert _push(*_model(run, "--yes")) == 0
    files = home.repositories["model", "org/model-a"].files
    for name in ("README.md", model_card.FILE):
        assert (tmp_path / name).read_bytes() == files[name]
    capsys.readouterr()
    assert main(said) == 0
    printed = capsys.readouterr().out
    assert "<!-- .eval_results/avgen-bench.yaml\n- dataset:\n" in printed and "## avgen-bench" in printed


@pytest.mark.parametrize("bad", ["x--->y", "x-->", "--!>", "-->-->", "<!-->"])
def test_what_is_printed_in_a_comment_does_not_end_it(bad: str) -> None:
    made = cli_hub._commented(f"notes: a {bad} b --allow-unfit\n")
    assert "-->" not in made and "--!>" not in made and made.endswith(" b --allow-unfit\n")
    assert yaml.safe_load(made)["notes"].replace(" ", "") == f"a{bad}b--allow-unfit"


def test_older_entries_are_said_to_be_of_an_earlier_run(
    home: LoopbackHub, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _push(*_model(run, "--yes")) == 0
    out, said = capsys.readouterr()
    assert model_card.FILE in out and "earlier run" not in said
    assert _push(str(run), "--model", "org/model-a", "--yes") == 0
    out, said = capsys.readouterr()
    assert "only there, left as it is: model.bin\n" in out
    assert f"note: {model_card.FILE} is of an earlier run and stays as it is" in said
    said_of_card = ["card", str(run), "--model", "org/model-a", "--out", str(tmp_path / "README.md")]
    assert main([*said_of_card, "--benchmark", "org/avgen-bench"]) == 0
    assert "earlier run" not in capsys.readouterr().err
    assert main(said_of_card) == 0
    assert f"{model_card.FILE} is of an earlier run and stays as it is" in capsys.readouterr().err


def test_one_reason_for_several_tasks_is_told_once(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", str(run), "--benchmark", "org/avgen-bench"]) == 0
    assert capsys.readouterr().err.count("note: no entry of ") == 3, "overall, semantic, control: a reason each"
    monkeypatch.setattr(model_card, "_set_digest", lambda config: f"other {config}")
    assert main(["card", str(run), "--benchmark", "org/avgen-bench"]) == 0
    [note] = capsys.readouterr().err.splitlines()
    assert note.startswith("note: no entry in .eval_results: the run is not on the benchmark's prompts")


def test_a_second_push_has_nothing_to_do(home: LoopbackHub, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _push(*_model(run, "--yes")) == 0
    repository = home.repositories["model", "org/model-a"]
    assert len(repository.log) == 2
    capsys.readouterr()
    assert _push(*_model(run, "--yes")) == 0
    out = capsys.readouterr().out
    assert "nothing to send" in out and out.count("  same") == 2
    assert len(repository.log) == 2


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    home: LoopbackHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _push("--dataset", "org/set", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "dataset org/set (is not there; will be made)" in out and "nothing was sent" in out
    rows = dict(reversed(line.split(" bytes  ")) for line in out.splitlines() if " bytes  " in line)
    assert set(rows) == set(hub.dataset_files()) and "__init__.py" not in rows
    size = len(Path(str(hub.dataset_files()["README.md"])).read_bytes())
    assert rows["README.md"].split() == ["new", f"{size:,}"]
    assert ("dataset", "org/set") not in home.repositories
    assert not [line for line in home.log if line.startswith(("PUT", "POST /api/repos"))]


def test_new_changed_and_same_are_told_apart_by_content(home: LoopbackHub) -> None:
    home.make("dataset", "org/d", {"a.txt": b"one", "b.parquet": b"two", "c.txt": b"three", "z.txt": b"z"})
    files = {"a.txt": b"one", "b.parquet": b"two", "c.txt": b"3", "d.mp4": b"four"}
    made = hub.plan(hub.Parcel("dataset", "org/d", files, "m"))
    assert [(change.path, change.what, change.size) for change in made.changes] == [
        *(("a.txt", "same", 3), ("b.parquet", "same", 3), ("c.txt", "changed", 1), ("d.mp4", "new", 4))
    ]
    assert made.kept == ("z.txt",)
    assert hub.send(made).startswith(f"{home.url}/datasets/org/d/commit/")
    repository = home.repositories["dataset", "org/d"]
    assert repository.files == {**files, "z.txt": b"z"} and len(repository.log) == 2
    assert [line for line in home.log if line.startswith("PUT /large/")] and repository.find("main")[1][
        "d.mp4"
    ].is_large


LOADING = """
import sys, datasets, huggingface_hub as h
for name, n in {"default": int(sys.argv[1]), "mini": int(sys.argv[2])}.items():
    assert len(datasets.load_dataset("org/avgen-bench", name, split="test")) == n, name
row = next(iter(datasets.load_dataset("org/avgen-bench", "ladders", split="test", streaming=True)))
assert row["ladder"]["group"]
folder = h.snapshot_download("org/avgen-bench", repo_type="dataset")
h.upload_folder(repo_id="org/model-a", folder_path=sys.argv[3], create_pr=True)
h.upload_folder(repo_id="org/model-a", folder_path=sys.argv[3], delete_patterns="*.bin")
print(folder)
print(h.snapshot_download("org/model-a"))
"""


@pytest.mark.slow
def test_the_dataset_is_published_and_loaded_and_clips_travel(home: LoopbackHub, tmp_path: Path) -> None:
    assert _push("--dataset", "--yes") == 0  # the token is of org
    repository = home.repositories["dataset", "org/avgen-bench"]
    assert len(repository.log) == 2 and repository.find("main")[1]["data/default-test.parquet"].is_large
    folder = tmp_path / "clips"
    folder.mkdir()
    small_clip(folder / "ads-001.mp4", 90, seed=1)
    sizes = _rows("default", "mini")
    done = subprocess.run(
        [sys.executable, "-c", LOADING, *map(str, sizes), str(folder)],
        **{"env": home.environment(tmp_path / "other"), "capture_output": True, "text": True, "timeout": 120},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    there, model = (Path(line) for line in done.stdout.split()[-2:])
    for name, content in hub.dataset_files().items():
        assert (there / name).read_bytes() == Path(str(content)).read_bytes()
    assert yaml.safe_load((there / "eval.yaml").read_text())["tasks"][0]["id"] == "overall"
    assert (model / "ads-001.mp4").read_bytes() == (folder / "ads-001.mp4").read_bytes()
    models = home.repositories["model", "org/model-a"]
    assert "model.bin" not in models.files and "refs/pr/1" in models.commits


def _rows(*names: str) -> list[int]:
    from pyarrow import parquet

    return [parquet.read_metadata(str(hub.dataset_files()[f"data/{name}-test.parquet"])).num_rows for name in names]


@pytest.fixture
def space_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Metric folders with an app, beside things that must not travel."""
    real = hub._folder
    folder = tmp_path / "metrics"
    for name in ("avgen_one", "avgen_two"):
        (folder / name / "__pycache__").mkdir(parents=True)
        (folder / name / "README.md").write_text("---\nsdk: gradio\n---\n")
        (folder / name / "app.py").write_text("x = 1\n")
        (folder / name / "__pycache__" / "app.py").write_text("")
        (folder / name / ".env").write_text("SECRET=1")
        (folder / name / ".hidden.py").write_text("")
        (folder / name / "token.pem").write_text("")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "avgen_one" / "linked.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.setattr(hub, "_folder", lambda name: folder if name == "metrics" else real(name))
    return folder


def test_spaces_are_published_each_in_one_commit(
    home: LoopbackHub, space_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _push("--space", "all", "--yes") == 0
    for name in ("avgen_one", "avgen_two"):
        repository = home.repositories["space", f"org/{name}"]
        assert set(repository.files) == {".gitattributes", "README.md", "app.py"} and len(repository.log) == 2
    assert _push("--space", "avgen_one", "--org", "org", "--dry-run") == 0
    assert "space org/avgen_one\n" in capsys.readouterr().out
    (space_folders / "avgen_two" / "app.py").unlink()
    assert _push("--space", "avgen_two", "--yes") == 1
    assert "has no app.py" in capsys.readouterr().err
    assert _push("--space", "avgen_three", "--yes") == 1
    assert "there are: avgen_one, avgen_two, all" in capsys.readouterr().err


def test_the_metric_folders_are_the_spaces() -> None:
    assert set(metric_card.names().values()) <= set(hub.spaces())
    for name in metric_card.names().values():
        assert {"README.md", "app.py", f"{name}.py", "requirements.txt"} <= set(hub.space_files(name))


# --------------------------------------------------------------------------- what may go wrong


PARCEL = hub.Parcel("model", "org/model-a", {"README.md": b"new\n", "clip.mp4": b"\0" * 100}, "m")


def _untouched(home: LoopbackHub) -> bool:
    repository = home.repositories["model", "org/model-a"]
    return repository.log == ["initial commit"] and list(repository.commits) == ["main"]


def test_a_reader_may_not_push_but_may_send_a_pull_request(home: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", READER)
    with pytest.raises(HubDenied, match=r"status 403.*pull request with --pr") as caught:
        hub.send(hub.plan(PARCEL))
    assert READER not in str(caught.value) and _untouched(home)
    assert hub.send(hub.plan(PARCEL), as_pull_request=True).endswith("/org/model-a/discussions/1")
    new = hub.Parcel("dataset", "org/none", {"a": b"a"}, "m", may_create=True)
    with pytest.raises(HubDenied, match="status 403"):
        hub.send(hub.plan(new))
    assert ("dataset", "org/none") not in home.repositories


def test_without_a_token_it_says_where_one_comes_from(home: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    made = hub.plan(PARCEL)  # a public repository may be looked at
    with pytest.raises(HubDenied, match="there is no token; log in with: hf auth login"):
        hub.send(made)
    with pytest.raises(HubDenied, match="there is no token"):
        hub.account()
    with pytest.raises(HubDenied, match="shows no such repository without a token"):
        hub.plan(hub.Parcel("model", "org/nowhere", {}, "m"))
    assert _untouched(home) and set(home.tokens) == {""}


def test_a_token_that_the_hub_does_not_know(home: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_made_up_token")
    with pytest.raises(HubDenied, match="does not accept the token") as caught:
        hub.plan(PARCEL)
    assert "made_up" not in str(caught.value)


def test_an_unknown_model_is_not_made(home: LoopbackHub, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _push(run, "--model", "org/nowhere", "--benchmark", "org/avgen-bench", "--yes") == 1
    assert "no such repository" in capsys.readouterr().err
    with pytest.raises(HubUnknown):
        hub.plan(hub.Parcel("model", "org/nowhere", {}, "m"))
    assert ("model", "org/nowhere") not in home.repositories


STAGES = [
    "GET /api/models/org/model-a$",
    "GET /api/models/org/model-a/tree",
    "POST /api/models/org/model-a/preupload",
    "POST /org/model-a.git/info/lfs",
    "PUT /large/",
    "POST /api/models/org/model-a/commit",
]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("how", [500, "hang", "break"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_hub_that_fails_half_way_has_nothing_half_published(
    home: LoopbackHub, stage: str, how: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.hang_s = 0.8
    home.faults.append(Fault(stage, how))
    usual_s = hub.TIMEOUT_S
    if how == "hang":
        monkeypatch.setattr(hub, "TIMEOUT_S", 0.4)  # some are asked six times
    with pytest.raises(HubBroken) as caught:
        hub.send(hub.plan(PARCEL))
    assert OWNER not in str(caught.value) and "\n" not in str(caught.value)
    assert _untouched(home)
    home.faults.clear()
    monkeypatch.setattr(hub, "TIMEOUT_S", usual_s)
    hub.send(hub.plan(PARCEL))
    repository = home.repositories["model", "org/model-a"]
    assert len(repository.log) == 2 and PARCEL.files.items() <= repository.files.items()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("how", ["hang", "break"])
def test_an_answer_that_is_lost_after_the_commit_is_not_sent_twice(
    home: LoopbackHub, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "TIMEOUT_S", 3.0)
    home.hang_s = 6.0
    home.faults.append(Fault("POST /api/models/org/model-a/commit", how, times=1, after=True))
    with pytest.raises(HubBroken, match="nothing was published, or all of it"):
        hub.send(hub.plan(PARCEL))
    again = hub.plan(PARCEL)
    assert again.is_empty and hub.send(again) == ""
    assert len(home.repositories["model", "org/model-a"].log) == 2


@pytest.mark.usefixtures("hasty")
def test_a_hub_that_never_answers_does_not_hold_us(home: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "TIMEOUT_S", 1.0)
    home.hang_s = 60.0
    home.faults.append(Fault("GET /api/models/org/model-a$", "hang"))
    began_s = time.monotonic()
    with pytest.raises(HubBroken, match=r"no answer in 1 s"):
        hub.plan(PARCEL)
    assert time.monotonic() - began_s < 20.0


def test_a_repository_that_was_just_made_stays_empty_when_the_commit_fails(home: LoopbackHub) -> None:
    home.faults.append(Fault("POST /api/datasets/org/new/commit", 503))
    parcel = hub.Parcel("dataset", "org/new", {"README.md": b"x", "a.parquet": b"y"}, "m", may_create=True)
    with pytest.raises(HubBroken, match="status 503"):
        hub.send(hub.plan(parcel))
    repository = home.repositories["dataset", "org/new"]
    assert set(repository.files) == {".gitattributes"}
    home.faults.clear()
    hub.send(hub.plan(parcel))
    assert set(repository.files) == {".gitattributes", "README.md", "a.parquet"} and len(repository.log) == 2


def test_somebody_else_s_change_in_between_is_not_overwritten(home: LoopbackHub) -> None:
    made = hub.plan(PARCEL)
    repository = home.repositories["model", "org/model-a"]
    home.commit(repository, "theirs", {"README.md": b"theirs"})
    with pytest.raises(HubError, match="changed in between"):
        hub.send(made)
    assert repository.files["README.md"] == b"theirs" and repository.log[-1] == "theirs"


def test_a_readme_that_changes_while_one_thinks_is_not_overwritten(
    home: LoopbackHub, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = home.repositories["model", "org/model-a"]
    real = hub.plan

    def slow(parcel: hub.Parcel) -> hub.Plan:
        home.commit(repository, "theirs", {"README.md": b"theirs"})
        return real(parcel)

    monkeypatch.setattr(hub, "plan", slow)
    assert _push(*_model(run, "--yes")) == 1
    assert "changed in between" in capsys.readouterr().err
    assert repository.files["README.md"] == b"theirs" and model_card.FILE not in repository.files


def test_nobody_listens_there(home: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    home.close()
    with pytest.raises(HubBroken, match=f"at {home.url}: the Hub cannot be reached"):
        hub.plan(PARCEL)
    monkeypatch.setattr(constants, "ENDPOINT", home.url.replace("//", "//somebody:password@"))
    with pytest.raises(HubBroken, match=f"at {home.url}: ") as caught:
        hub.plan(PARCEL)
    assert "password" not in str(caught.value)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubBroken, match="HF_HUB_OFFLINE"):
        hub.plan(PARCEL)


ODD = [b"{}", b"[]", b"null", b"[[1]]", b"5", b"<html>log in</html>", b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("answer", ODD, ids=lambda answer: repr(answer[:8]))
def test_what_is_no_hub_and_answers_is_an_error_of_ours(home: LoopbackHub, answer: bytes) -> None:
    home.faults.append(Fault(".", answer))
    for ask in (hub.account, lambda: hub.head("model", "org/model-a"), lambda: hub.plan(PARCEL)):
        with pytest.raises(HubBroken, match=f"at {home.url}: the answer is none of a Hub"):
            ask()


@pytest.mark.parametrize("answer", [b"{}", b"null", b"<html>log in</html>"])
@pytest.mark.parametrize("stage", ["/tree", "/paths-info", "/preupload", "/info/lfs", "/commit"])
def test_an_odd_answer_on_the_way_is_no_crash(home: LoopbackHub, stage: str, answer: bytes) -> None:
    home.faults.append(Fault(stage, answer))
    with contextlib.suppress(AvgenError):  # an empty list is an answer
        hub.read_text("model", "org/model-a", "README.md", "main")
    with contextlib.suppress(AvgenError):
        hub.send(hub.plan(PARCEL))
    home.faults.clear()
    hub.send(hub.plan(PARCEL))
    assert PARCEL.files.items() <= home.repositories["model", "org/model-a"].files.items()


@pytest.mark.parametrize("endpoint", ["http://[bad", "huggingface.co", "", "http://a b", "http://x:99999", "ftp://x"])
def test_an_endpoint_that_is_no_address_is_named(tmp_path: Path, endpoint: str) -> None:
    # in a process of its own: the library reads it when it is imported, and some do not let it be imported
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_x", "HF_HOME": str(tmp_path)}
    code = (
        "from avgen_bench import hub\nfrom avgen_bench.errors import InputError\n"
        "made = hub.Plan(hub.Parcel('model', 'org/x', {}, 'm'), (), False, '', ())\n"
        "for ask in (hub.account, lambda: hub.head('model', 'org/x'), lambda: hub.send(made)):\n"
        "    try: ask()\n    except InputError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.splitlines()
        == [f"HF_ENDPOINT is {endpoint!r}; expected an address, such as https://huggingface.co, or unset it"] * 3
    )


def test_nothing_is_left_in_the_user_s_folder(
    home: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = pytest.importorskip("huggingface_hub.utils._detect_agent")
    monkeypatch.setattr(agents, "_registry", None)
    home.faults.append(Fault("/api/agent-harnesses", b'{"standardEnvVars": [], "harnesses": {}}'))
    agents.detect_agent()
    huggingface_hub.ModelCard.load("org/model-a")
    assert [path.name for path in (tmp_path / "hub").glob("models--*")] == ["models--org--model-a"]
    assert json.loads((tmp_path / "harnesses.json").read_text())["harnesses"] == {}


def test_what_the_hub_says_is_shown_as_text_and_without_the_token(
    home: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    home.faults.append(Fault("POST /api/models/org/model-a/commit", 418))
    with pytest.raises(HubError, match=r"status 418\): out of order <b>\(token\)</b>"):
        hub.send(hub.plan(PARCEL))
    assert _untouched(home)


def test_the_settings_of_the_library_are_left_as_they_were(home: LoopbackHub) -> None:
    usual = _http._GLOBAL_CLIENT_FACTORY
    hub.plan(PARCEL)
    assert _http._GLOBAL_CLIENT_FACTORY is usual
    assert huggingface_hub.get_session().timeout.read is None


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("model-a", {}),
        ("org/../x", {}),
        ("org/a b", {}),
        ("org/model-a", {"../x": b""}),
        ("org/model-a", {"/x": b""}),
        ("org/model-a", {"a/../../x": b""}),
        ("org/model-a", {"a\nb": b""}),
    ],
)
def test_names_and_paths_are_looked_at_before_anything_is_asked(
    home: LoopbackHub, name: str, files: dict[str, bytes]
) -> None:
    with pytest.raises(InputError):
        hub.plan(hub.Parcel("model", name, files, "m"))
    assert home.log == []


# --------------------------------------------------------------------------- asking first


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("reply", "status", "commits"), [("y\n", 0, 2), ("n\n", 3, 1), ("\n", 3, 1), ("", 3, 1)])
def test_one_is_asked_before_anything_is_sent(
    home: LoopbackHub, run: Path, reply: str, status: int, commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(reply))
    assert _push(*_model(run)) == status
    assert len(home.repositories["model", "org/model-a"].log) == commits


def test_a_script_must_say_yes(
    home: LoopbackHub, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert _push(*_model(run)) == 1
    assert "give --yes, or --dry-run" in capsys.readouterr().err and home.log == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--dataset", "--yes"], "a RUN goes to a model"),
        (["--model", "org/model-a", "--yes"], "a RUN goes to a model"),
        (["--dataset", "--org", "x", "--yes"], "--org says whose"),
    ],
)
def test_what_does_not_go_together(
    home: LoopbackHub, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _push(*arguments) == 1
    assert message in capsys.readouterr().err and home.log == []


def test_a_model_card_that_is_no_text_or_too_large(home: LoopbackHub) -> None:
    repository = home.repositories["model", "org/model-a"]
    home.commit(repository, "m", {"README.md": b"\xff\xfe"})
    with pytest.raises(InputError, match="no UTF-8"):
        hub.read_text("model", "org/model-a", "README.md", "main")
    home.commit(repository, "m", {"README.md": b"x" * ((1 << 20) + 1)})
    with pytest.raises(InputError, match="1048577 bytes"):
        hub.read_text("model", "org/model-a", "README.md", "main")
    assert hub.read_text("model", "org/model-a", "none.md", "main") == ""


def test_no_token_is_an_option_or_stands_in_what_is_sent(
    home: LoopbackHub, run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _push(*_model(run, "--token", OWNER))
    capfd.readouterr()
    assert _push(*_model(run, "--yes")) == 0
    seen = capfd.readouterr()
    assert OWNER not in seen.out + seen.err
    for data in home.repositories["model", "org/model-a"].files.values():
        assert OWNER.encode() not in data


def test_the_hub_s_library_is_not_imported_for_a_card(run: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom avgen_bench.cli import main\nmain(sys.argv[1:])\nassert 'huggingface_hub' not in sys.modules"
    )
    shutil.copytree(run, tmp_path / "RUN")
    done = subprocess.run(
        [sys.executable, "-c", code, "card", str(tmp_path / "RUN"), "--out", str(tmp_path / "README.md")],
        **{"cwd": tmp_path, "capture_output": True, "text": True},  # not a folder that holds the sources
    )
    assert done.returncode == 0, done.stderr
