"""The same rows under every supported generation of ``datasets``: ``python tests/matrix/run.py``.

Each version gets a virtual environment of its own and reads the dataset in every way of check.py; the digests of all
must be equal, else the exit status is 1. Needs a package registry; the loading itself runs offline.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSIONS = {"2": "datasets==2.21.0", "3": "datasets==3.6.0", "4": "datasets>=4,<5", "5": "datasets>=5,<6"}
WAYS = ("parquet", "folder", "names", "names_online", "seed", "bare", "builder")


def wheel(work: Path) -> Path:
    """The project's wheel, built from a copy: a build leaves folders behind, and takes up what an earlier one left."""
    copy, made = work / "source", work / "wheel"
    for old in (copy, made):
        shutil.rmtree(old, ignore_errors=True)
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "benchmarks")
    shutil.copytree(ROOT, copy, ignore=unwanted)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), str(copy)]
    subprocess.run(pip, check=True)
    return next(made.glob("*.whl"))


def environment(work: Path, requirement: str, package: Path) -> Path:
    """The interpreter of the version's virtual environment; one that is there already only gets the new wheel."""
    python = work / "".join(c if c.isalnum() else "_" for c in requirement) / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not python.exists():
        venv.create(python.parent.parent, with_pip=True)
        subprocess.run([*install, requirement], check=True)
    subprocess.run([*install, "--no-deps", "--force-reinstall", str(package)], check=True)
    return python


def ask(python: Path, *words: str, home: Path, offline: bool = True) -> str:
    """The last line of a fresh process; a failure's own words are shown."""
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
    chosen |= {"HF_HOME": str(home), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    if offline:
        chosen["HF_HUB_OFFLINE"] = "1"
    done = subprocess.run([str(python), *words], env=chosen, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
        raise RuntimeError(f"{' '.join(words[:2])} ended with {done.returncode}")
    return done.stdout.splitlines()[-1]


def read(python: Path, home: Path, given: Path | None) -> dict[str, dict[str, tuple[int, str]]]:
    """Way -> configuration -> rows and digest, each way in a process of its own with one cache."""
    if given is None:
        code = "from avgen_bench import aliases; print(aliases.folder('avgen-bench'))"
        folder, package = ask(python, "-c", code, home=home), "avgen_bench.dataset"
    else:
        folder, package = str(given), given.name
    found = {}
    for way in WAYS:
        words = (str(HERE / "check.py"), way, folder, "--package", package)
        answer = json.loads(ask(python, *words, home=home, offline=way != "names_online"))
        found[way] = {name: (int(rows), str(digest)) for name, (rows, digest) in answer.items()}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=VERSIONS, help="one generation")
    parser.add_argument("--work", type=Path, help="a folder for the environments, which is kept and used again")
    parser.add_argument("--folder", type=Path, help="another dataset folder than the installed one")
    options = parser.parse_args()
    work = (options.work or Path(tempfile.mkdtemp(prefix="avgen-matrix-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    seen: dict[str, set[tuple[int, str]]] = {}
    failed = False
    try:
        package = wheel(work)
        print(f"{'datasets':<10} {'configuration':<14} {'rows':>5} {'digest':<16} ways that agree")
        for generation in [options.only] if options.only else VERSIONS:
            began_s = time.monotonic()
            try:
                python = environment(work, VERSIONS[generation], package)
                with tempfile.TemporaryDirectory(dir=work) as home:
                    code = "import datasets; print(datasets.__version__)"
                    version = ask(python, "-c", code, home=Path(home))
                    installed_s = time.monotonic() - began_s
                    ways = read(python, Path(home), options.folder and options.folder.resolve())
            except (RuntimeError, subprocess.CalledProcessError) as problem:
                print(f"{generation + '.x':<10} FAILED: {problem}")
                failed = True
                continue
            for name in ways["parquet"]:
                for answer in sorted({way[name] for way in ways.values() if name in way}):
                    agree = [way for way, answers in ways.items() if answers.get(name) == answer]
                    print(f"{version:<10} {name:<14} {answer[0]:>5} {answer[1][:16]:<16} {' '.join(agree)}")
                    seen.setdefault(name, set()).add(answer)
            took_s = time.monotonic() - began_s
            print(f"{version:<10} {installed_s:.0f} s to install, {took_s - installed_s:.0f} s to read", flush=True)
    finally:
        if options.work is None:
            shutil.rmtree(work)
    different = sorted(name for name, answers in seen.items() if len(answers) > 1)
    if different:
        print(f"NOT the same rows everywhere: {', '.join(different)}")
    if failed or different or not seen:
        return 1
    print("the same rows everywhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
