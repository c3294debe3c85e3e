"""The Spaces as people and programs meet them: each app started, driven in a browser, called by gradio_client."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from browser import Browser
from judge_server import JudgeServer
from scenes import small_clip
from space_runs import make_run, pack

from avgen_bench.types import MediaLimits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="no gradio: pip install '.[space]'"),
]
ROOT = Path(__file__).resolve().parents[2]
OWN = "It lasts for one second."
DURATION = json.dumps([{"id": "c1", "kind": "duration", "span": "one second", "duration_s": 1}])
NOT_OURS = ("Method not implemented.",)  # gradio's own client says so of every stream that ends
PICTURES = os.environ.get("AVGEN_PICTURES")  # a folder for the screenshots, to look at them


@contextlib.contextmanager
def running(name, scratch, told="", **environment):
    """The address of an app that runs until the block ends; its log has no traceback, or one that ends as ``told``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = scratch / f"{name}.log"
    variables = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AVGEN_")},
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(scratch / "gradio"),
        "HF_HUB_OFFLINE": "1",
        "TMPDIR": str(scratch / "tmp"),
        **environment,
    }
    (scratch / "tmp").mkdir(parents=True)
    with log.open("wb") as file:
        app = str(ROOT / "metrics" / name / "app.py")
        process = subprocess.Popen([sys.executable, app], cwd=scratch, env=variables, stdout=file, stderr=file)
    try:
        url, due_s = f"http://127.0.0.1:{port}/", time.monotonic() + 90
        while True:
            assert process.poll() is None and time.monotonic() < due_s, log.read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
                if page.status == 200:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)
    said = log.read_text()
    assert said.count("Traceback") == bool(told) and told in said


@pytest.fixture
def scratch(tmp_path):
    yield tmp_path / "app"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return small_clip(tmp_path_factory.mktemp("clip") / "c.mp4")


def text_of(browser, selector):
    return browser.value(f"document.querySelector({json.dumps(selector)}).innerText")


def look(browser, name):
    """Screenshots in two widths, where somebody wants to see them; nothing may be wider than the window."""
    for width in (1200, 390):
        browser.resize(width, 900, width < 400)
        browser.wait(f"document.documentElement.clientWidth <= {width}")
        time.sleep(0.5)
        assert browser.value("document.documentElement.scrollWidth") <= width
        if PICTURES:
            height = min(browser.value("document.documentElement.scrollHeight"), 2600)
            browser.resize(width, height, width < 400)
            time.sleep(0.5)
            browser.picture(Path(PICTURES) / f"{name}-{width}.png")
    browser.resize(1200, 900)


def quiet(browser):
    """What the console said, but for what is not ours."""
    return [message for message in browser.messages if not any(words in message for words in NOT_OURS)]


def choose(browser, where, label):
    browser.click(f"{where} input")
    option = f"[role=option][aria-label^={json.dumps(label)}]"
    browser.wait(f"!!document.querySelector({json.dumps(option)})")
    browser.click(option)


def choose_prompt(browser):
    """Choose the first prompt of the set, and wait until its text is shown."""
    choose(browser, "#chosen", "ads-001")
    browser.wait("document.body.innerText.includes('Two shots make up this spot')")


def turn_to(browser, name):
    """Open a tab; in a narrow window some are put away."""
    tabs = f"[...document.querySelectorAll('button[role=tab]')].filter(x => x.innerText.startsWith('{name}'))"
    browser.wait(f"{tabs}.length > 0")
    browser.value(f"{tabs}[0].click()")


def drop(browser, url, path, where="#clip"):
    browser.open("about:blank")
    browser.open(url)
    browser.wait(f"!!document.querySelector('{where} input[type=file]')", 60)
    browser.upload(f"{where} input[type=file]", path)
    browser.wait(f"!document.querySelector('{where} input[type=file]')")


def write(browser, where, text):
    browser.click(f"{where} textarea")
    browser.call("Input.insertText", text=text)


def score(browser, words):
    """Press the button and wait for words among the scores."""
    browser.wait("!!document.querySelector('#go')")
    browser.click("#go")
    browser.wait(f"document.querySelector('#scores').innerText.includes({json.dumps(words)})", 90)


def framed(browser):
    """What stands in the frame of the evidence, by its own document; the page around has no way in."""
    source = browser.value("document.querySelector('#evidence iframe').srcdoc")
    assert browser.value("document.querySelector('#evidence iframe').contentDocument") is None
    return source


@pytest.mark.debian
def test_the_perceptual_space(scratch, clip, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no video\n" * 50)
    with running("avgen_perceptual", scratch) as url, Browser(tmp_path / "profile") as browser:
        drop(browser, url, clip)
        score(browser, "audio quality")
        told = text_of(browser, "#scores")
        assert "4 dimensions" in told and "abstained" in told and "report.json" in told
        page = framed(browser)
        assert "data:video/mp4;base64," in page and 'class="lane' in page
        saved = "fetch(document.querySelector('#scores a[download]').href).then(r => r.json())"
        found = browser.value(saved)
        assert found["schema"] == "avgen-bench/report/1" and found["clips"][0]["path"] == "clip.mp4"
        number = f"{found['clips'][0]['measurements']['audio_quality']['value']:.3f}"
        assert number in told
        look(browser, "perceptual")
        drop(browser, url, text)
        score(browser, "This file was not scored")
        assert browser.value("document.querySelector('#evidence iframe')") is None
        assert not quiet(browser)
    assert not list((scratch / "tmp").glob("avgen-space-*"))


@pytest.mark.debian
def test_the_control_space(scratch, clip, tmp_path):
    with running("avgen_control", scratch) as url, Browser(tmp_path / "profile") as browser:
        drop(browser, url, clip)
        score(browser, "prompt is missing")
        choose_prompt(browser)
        assert "shot_count" in text_of(browser, "body")
        score(browser, "fail c1 shot_count")
        assert 'class="said fail"' in framed(browser)
        look(browser, "control")
        drop(browser, url, clip)
        write(browser, "#own", OWN)
        write(browser, "#demands", DURATION)
        score(browser, "pass c1 duration")
        assert not quiet(browser)


@pytest.mark.debian
def test_the_semantic_space_with_and_without_a_judge(scratch, clip, tmp_path):
    with running("avgen_semantic", scratch) as url, Browser(tmp_path / "profile") as browser:
        drop(browser, url, clip)
        assert "AVGEN_JUDGE" in text_of(browser, "#judge")
        choose_prompt(browser)
        score(browser, "needs a judge")
        look(browser, "semantic")
        assert not quiet(browser)
    with JudgeServer() as server:
        judge = {"AVGEN_JUDGE": f"openai:{server.url}#tester", "AVGEN_JUDGE_BUDGET": "500calls"}
        judge["XDG_CACHE_HOME"] = str(tmp_path / "cache")  # where no passport lies
        with running("avgen_semantic", scratch / "judged", **judge) as url, Browser(tmp_path / "second") as browser:
            drop(browser, url, clip)
            assert "tester" in text_of(browser, "#judge") and "127.0.0.1" not in text_of(browser, "#judge")
            choose_prompt(browser)
            score(browser, "alignment")
            assert server.calls > 10 and not server.mistakes
            assert server.url not in framed(browser)
            assert not quiet(browser)


def test_a_clip_is_scored_by_gradio_client(scratch, clip, tmp_path):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    with running("avgen_control", scratch) as url:
        client = Client(url, verbose=False, download_files=str(tmp_path))
        [name] = [name for name in client.view_api(return_format="dict")["named_endpoints"] if name == "/score"]
        taken = client.view_api(return_format="dict")["named_endpoints"][name]["parameters"]
        assert [one["parameter_name"] for one in taken] == ["clip", "prompt_id", "prompt_text", "demands"]

        def call(file, prompt_id="", text="", demands=""):
            given = {"clip": handle_file(file), "prompt_id": prompt_id, "prompt_text": text, "demands": demands}
            return client.predict(api_name=name, **given)

        found = call(str(clip), text=OWN, demands=DURATION)
        assert found["scores"]["timing"]["value"] == 1.0 and found["prompt_id"] == "own"
        assert found["scores"]["timing"]["verdicts"][0]["strict"] == "pass"
        assert json.loads(found["report"])["schema"] == "avgen-bench/report/1"
        assert call(str(clip), text=OWN, demands=DURATION) == found
        with pytest.raises(AppError, match="no prompt is called 'nothing-001'"):
            call(str(clip), "nothing-001")


def test_a_path_of_the_server_is_no_upload(scratch, clip):
    with running("avgen_control", scratch, told="not uploaded by a user") as url:
        said = asked_raw(url, [{"path": str(clip), "meta": {"_type": "gradio.FileData"}}, "", OWN, DURATION])
        assert "event: error" in said and "signature" not in said


def asked_raw(url, data):
    """What the server says to a call that no client would make."""
    request = urllib.request.Request(
        f"{url}gradio_api/call/score", json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        number = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/score/{number}", timeout=60) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of four systems, one of them under other limits; the last is not on the board."""
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "bright", "bright", brightness=120)
    make_run(folder / "dark", "dark <img src=x onerror=alert(1)>", brightness=20)
    make_run(folder / "strict", "strict", limits=MediaLimits(max_duration_s=60))
    make_run(folder.parent / "out" / "mute", "mute", sound=False)
    yield folder
    shutil.rmtree(folder.parent / "out")


ROWS = "[...document.querySelectorAll('#board tr[data-system]')].map(row => row.dataset.system)"


@pytest.mark.debian
def test_the_leaderboard(scratch, runs, tmp_path):
    entries = shutil.copytree(runs, tmp_path / "entries")
    archive = pack(runs.parent / "out" / "mute", tmp_path / "mute.zip")
    with (
        running("avgen_leaderboard", scratch, AVGEN_LEADERBOARD=str(entries)) as url,
        Browser(tmp_path / "profile") as browser,
    ):
        browser.open(url)
        browser.wait(f"{ROWS}.length == 3", 60)  # entries come one after the other
        dark = "dark <img src=x onerror=alert(1)>"
        assert browser.value(ROWS) == ["bright", dark, "strict"]
        assert "Ranked apart" in text_of(browser, "#board") and "limits of a clip" in text_of(browser, "#board")
        look(browser, "board")

        turn_to(browser, "Submit")
        browser.wait("!!document.querySelector('#zip input[type=file]')")
        browser.upload("#zip input[type=file]", archive)
        browser.wait("document.querySelector('#zip').innerText.includes('mute') && !!document.querySelector('#zip a')")
        browser.click("#go")
        browser.wait("document.querySelector('#said').innerText.includes('verified: every number')", 60)
        assert "being checked" not in text_of(browser, "body")
        assert "mute is on the board" in text_of(browser, "#said")

        turn_to(browser, "Board")
        browser.wait(f"{ROWS}.includes('mute')")
        assert browser.value(ROWS) == ["mute", "bright", dark, "strict"]  # by visual quality
        choose(browser, "#sort", "audio_quality")
        browser.wait(f"{ROWS}[2] == 'mute'")
        assert text_of(browser, "#board th[aria-sort]").startswith("audio quality")
        choose(browser, "#category", "music")
        browser.wait("document.querySelector('#board').innerText.includes('4 prompts')")
        assert "8 prompts" not in text_of(browser, "#board")
        choose(browser, "#family", "control")
        browser.wait("!document.querySelector('#board').innerText.includes('audio quality')")
        assert text_of(browser, "#board th[aria-sort]").startswith("timing")

        turn_to(browser, "System")
        browser.wait("!!document.querySelector('#system input')")
        choose(browser, "#system", "dark")
        browser.wait("document.querySelectorAll('#page img').length > 3")
        assert "24 numbers of 8 clips measured again" in text_of(browser, "#page")
        assert browser.value("document.querySelectorAll('#page img[onerror]').length") == 0
        look(browser, "system")
        turn_to(browser, "Published")
        browser.wait("document.querySelector('#published').innerText.includes('Another instrument')")
        look(browser, "published")
        assert not quiet(browser)


def test_the_leaderboard_by_gradio_client(scratch, runs, tmp_path):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    entries = shutil.copytree(runs, tmp_path / "entries")
    archive = pack(runs.parent / "out" / "mute", tmp_path / "mute.zip")
    with running("avgen_leaderboard", scratch, AVGEN_LEADERBOARD=str(entries)) as url:
        client = Client(url, verbose=False, download_files=str(tmp_path))
        rows = client.predict(category="ads", family="perceptual", api_name="/entries")
        assert {row["n"] for row in rows} == {4} and {row["family"] for row in rows} == {"perceptual"}
        assert [row["group"] for row in rows if row["system"] == "strict"] == [2, 2]
        with pytest.raises(AppError, match="no category is called '<b>'"):
            client.predict(category="<b>", family="", api_name="/entries")
        whole = client.predict(api_name="/entries")
        assert whole == client.predict(category="", family="", api_name="/entries") and len(whole) > len(rows)
        found = client.predict(handle_file(str(archive)), api_name="/submit")
        assert found["state"] == "verified" and found["kept"] and found["systems"] == ["mute"]
        rows = client.predict(category="", family="", api_name="/entries")
        sound = {row["system"]: row["tier"] for row in rows if row["dimension"] == "audio_quality"}
        assert sound["bright"] == 1 and sound["mute"] == 2
        (tmp_path / "no.zip").write_text("no")
        with pytest.raises(AppError, match="cannot read the ZIP file"):
            client.predict(handle_file(str(tmp_path / "no.zip")), api_name="/submit")
    assert len([path for path in entries.iterdir() if path.is_dir()]) == 4 and not list(
        (scratch / "tmp").glob("avgen-board-*")
    )
