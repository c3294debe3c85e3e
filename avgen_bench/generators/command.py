"""A command of one's own makes the clips: split once into arguments, filled argument by argument; we start no shell.

Threats
    Prompts are foreign text. What is foreign, a prompt or an id, is an argument of its own or what follows ``--name=``,
    and nothing else: it stands inside no other text. Where it would begin an argument with a dash, and so could be
    taken for an option, and where a shell or an interpreter that we know would run it, the run is refused before it
    starts. We do not know all programs that run what they are given: one that does is its caller's to keep safe, with
    ``{prompt_file}``. A command may hang, start others, write without end or leave anything at all at the place of the
    clip: it has a time limit, its whole process group is stopped, of what it says only the end is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avgen_bench.errors import GeneratorError, InputError
from avgen_bench.generators.base import GeneratorFacts, Request, Result

__all__ = ["PLACES", "Command", "fill"]

PLACES = {
    "prompt": "its text",
    "out": "the path of the file to write",
    "seed": "a whole number",
    "id": "the prompt's id",
    "take": "0, 1, ...",
    "duration_s": "the seconds that the prompt wants",
    "prompt_file": "the path of a file that holds the text",
}
"""What may stand in braces in a command line, and what it is replaced with."""

GRACE_S = 3.0
"""How long a command that costs nothing may go on once nobody waits for it: what is nearly done is not made again."""

_PLACE = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")
_TEXTS = ("prompt", "id")
_WHOLE = re.compile(r"(?:--[A-Za-z][\w.-]*=)?\{\w+\}")
_SHELLS = r"(?:ba|da|z|k|mk|fi|a|c|tc|ya|xon)?sh|nu|pwsh|powershell"
_INTERPRETERS = (
    (_SHELLS, r"[-+]\w*[cC]\w*|-(?i:e|ec)|--(?:init-)?command"),
    (r"(?:i|pypy|micro)?python[\d.]*|pypy[\d.]*", r"-[A-Zabd-z]*c.*"),
    (
        r"perl[\d.]*|ruby[\d.]*|lua[\d.]*|luajit|julia|elixir|groovy|scala|ghc|raku|g?make",
        r"-\w*[eE].*|--(?:eval|print)",
    ),
    (r"node|nodejs|deno|bun", r"-\w*[ep]\w*|--(?:eval|print)"),
    (r"php[\d.]*", r"-\w*[rBRE].*|--(?:run|process-(?:begin|code|end))"),
    (r"Rscript|R|littler|osascript|octave|octave-cli|matlab", r"-\w*e.*|-r|-batch|--(?:eval|expression)"),
)
"""Programs that take a script or code, and the arguments after which it is code."""
_WRAPPERS = (
    (r"su|runuser|sg|flock|script", r"-\w*c.*|--(?:session-)?command"),
    (r"sbatch|srun|salloc", r"--wrap"),
    (r"env", r"-\w*S.*|--split-string.*"),
)
"""Programs that start another one, and the arguments after which they take a line for a shell."""
_FIRST_IS_CODE = re.compile(r"(?:[gmn]|original-)?awk|g?sed")
_ALL_IS_CODE = re.compile(r"ssh|rsh|mosh|eval|watch|parallel|sem|tmux")
_WAIT_S = 0.2


def fill(template: str, values: dict[str, str]) -> str:
    """One argument with its places filled, in one pass: braces inside a value stay what they are.

    >>> fill("--text={prompt}", {"prompt": "a {seed} $(b)"}), fill("{{3}}", {})
    ('--text=a {seed} $(b)', '{3}')
    """
    return _PLACE.sub(lambda found: f"{{{found[1]}}}" if found[1] else values[found[2]], template)


def _places(argument: str) -> list[str]:
    return [found[2] for found in _PLACE.finditer(argument) if found[2]]


def _code_flag(program: str, known: Sequence[tuple[str, str]]) -> re.Pattern[str] | None:
    return next((re.compile(flag, re.S) for names, flag in known if re.fullmatch(names, program)), None)


def _would_run(argv: Sequence[str], at: int) -> str:
    """The program that would run an argument as code, as far as we know programs; empty where none would."""
    option, sign, _ = argv[at].partition("=")
    for place, name in enumerate(Path(argument).name for argument in argv[:at]):
        between = argv[place + 1 : at]
        if _ALL_IS_CODE.fullmatch(name):
            return name
        if _FIRST_IS_CODE.fullmatch(name) and (not between or between[0].startswith("-")):
            return name
        flag, is_wrapper = _code_flag(name, _INTERPRETERS), False
        if flag is None:
            flag, is_wrapper = _code_flag(name, _WRAPPERS), True
        if flag is None or (between and not is_wrapper and not re.match("[-+]", between[0])):
            continue  # a script, and what follows is the script's own: python render.py -c {prompt}
        if sign and flag.fullmatch(option):
            return name
        is_shell = re.fullmatch(_SHELLS, name) is not None
        for number, argument in enumerate(between):
            if not flag.fullmatch(argument):
                continue
            code = between[number + 1 : number + 2]
            # the code need not be what comes next: bash -c -u CODE, bash -co pipefail CODE, env -S 'sh -c' CODE
            if not code or re.match("[-+]", code[0]) or (is_shell and "o" in argument.casefold()) or name == "env":
                return name
            if is_shell:
                break  # what follows are the places of that code: its "$0", "$1"
    return ""


def _split(line: str) -> tuple[str, ...]:
    try:
        argv = tuple(shlex.split(line))
    except ValueError as error:
        raise InputError(f"--command cannot be split into arguments: {error}; check its quotes") from None
    if not argv:
        raise InputError("--command is empty; expected a program and its arguments, with {prompt} and {out}")
    if _places(argv[0]):
        raise InputError(f"--command begins with {argv[0]!r}; expected the program, not a placeholder")
    used = set()
    for argument in argv:
        for name in _places(argument):
            if name not in PLACES:
                raise InputError(
                    f"--command: there is no {{{name}}}; there are: {', '.join(f'{{{one}}}' for one in PLACES)} "
                    f"(write {{{{{name}}}}} for the letters themselves)"
                )
            used.add(name)
    if "out" not in used:
        raise InputError("--command has no {out}; the program must be told which file to write")
    if not used & {"prompt", "prompt_file", "id"}:
        raise InputError("--command has neither {prompt} nor {prompt_file}; every clip would be the same")
    for at, argument in enumerate(argv):
        text = next((name for name in _places(argument) if name in _TEXTS), None)
        if text is None:
            continue
        if not _WHOLE.fullmatch(argument):
            raise InputError(
                f"--command: {{{text}}} stands inside {argument!r}, and might be run there; expected it as an argument "
                f"of its own or as --name={{{text}}}, or {{prompt_file}}; a shell takes arguments after its code: "
                'sh -c \'my-model "$1" "$2"\' sh {prompt} {out}'
            )
        if program := _would_run(argv, at):
            raise InputError(
                f"--command: {program!r} could run {argument!r} as code; give {{prompt_file}}, or hand it over as an "
                'argument after the code: sh -c \'my-model "$1" "$2"\' sh {prompt} {out}'
            )
    return argv


class Command:
    """A local program, or one that bills.

    Args:
        line: the command line with its places.
        timeout_s: how long one clip may take.
        bills: an attempt that was cut off may have cost money, and is not made again by itself.
        lock: a file descriptor that stays open for as long as a command of ours is at work.
    """

    def __init__(self, line: str, timeout_s: float = 3600.0, *, bills: bool = False) -> None:
        self.argv = _split(line)
        self.timeout_s = timeout_s
        self.lock: int | None = None
        model = Path(self.argv[0]).name
        self._facts = GeneratorFacts("command", model, {"command": list(self.argv)}, bills)

    @property
    def facts(self) -> GeneratorFacts:
        """The program's name, and its arguments with their places."""
        return self._facts

    def argv_for(self, request: Request) -> list[str]:
        """The arguments of one request.

        Raises:
            InputError: the text would become an option, or cannot be an argument; no duration where one is wanted.
        """
        who = f"prompt {request.prompt_id!r}"
        used = {name for argument in self.argv for name in _places(argument)}
        if "duration_s" in used and request.duration_s is None:
            raise InputError(f"{who} states no duration_s, and --command asks for it; add the column duration_s")
        values = {
            "prompt": request.text,
            "out": str(request.out),
            "seed": str(request.seed),
            "id": request.prompt_id,
            "take": str(request.take),
            "duration_s": "" if request.duration_s is None else f"{request.duration_s:g}",
            "prompt_file": str(_prompt_file(request)),
        }
        filled = [fill(argument, values) for argument in self.argv]
        for template, argument in zip(self.argv, filled, strict=True):
            if argument.startswith("-") and not template.startswith("-"):
                raise InputError(
                    f"{who} would begin an argument with a dash and could be taken for an option; write "
                    "--prompt={prompt} instead of --prompt {prompt}, or give {prompt_file}"
                )
            try:
                is_bad = b"\0" in os.fsencode(argument)
            except UnicodeEncodeError:
                is_bad = True
            if is_bad:
                raise InputError(f"{who} holds characters that no argument can; give {{prompt_file}}")
        return filled

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse what could not be run.

        Raises:
            InputError: the program is not there, or some prompt cannot be an argument.
        """
        if os.name != "posix":
            raise InputError("--command needs a POSIX system: elsewhere a program cannot be stopped with its children")
        if shutil.which(self.argv[0]) is None:
            raise InputError(f"--command: no program {self.argv[0]!r} is there; give its path, or install it")
        for request in requests:
            self.argv_for(request)
            try:
                request.text.encode()
            except UnicodeEncodeError:
                raise InputError(f"prompt {request.prompt_id!r} holds half a character; expected text") from None

    def make(self, request: Request, stop: threading.Event) -> Result:
        """Run the command once.

        Raises:
            GeneratorError: processes cannot be started, or the prompt cannot be written.
        """
        try:
            _prompt_file(request).write_text(request.text, encoding="utf-8")
        except OSError as error:
            raise GeneratorError(
                f"the prompt cannot be written: {error.strerror}; free some space and run again"
            ) from None
        job = {
            "argv": self.argv_for(request),
            "timeout_s": self.timeout_s,
            "grace_s": None if self.facts.bills else GRACE_S,
            "result": str(_result_file(request)),
        }
        try:
            sitter = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("sitter.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=() if self.lock is None else (self.lock,),
            )
        except OSError as error:
            raise GeneratorError(f"no process can be started: {error.strerror}; free some memory, run again") from None
        assert sitter.stdin is not None
        with sitter.stdin:
            with contextlib.suppress(BrokenPipeError):
                sitter.stdin.write(json.dumps(job).encode() + b"\n")
                sitter.stdin.flush()
            while True:
                try:
                    sitter.wait(_WAIT_S)
                    break
                except subprocess.TimeoutExpired:
                    if not stop.is_set():
                        continue
                if self.facts.bills:
                    return Result("interrupted", "it is let finish; the same command picks up what it made")
                with contextlib.suppress(BrokenPipeError):
                    sitter.stdin.write(b"stop\n")
                    sitter.stdin.flush()
                sitter.wait()
                break
        found = self.found(request)
        if found is not None:
            return found
        if stop.is_set():
            return Result("interrupted")
        return Result("unknown" if self.facts.bills else "failed", "the process that watches over it was stopped")

    def found(self, request: Request) -> Result | None:
        """How a command ended whose end is on record; None while or where it is not."""
        try:
            said: dict[str, Any] = json.loads(_result_file(request).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        seconds = float(said["seconds"])
        if "error" in said:
            return Result("failed", f"the program does not start: {said['error']}", seconds)
        words = f": {_last_words(said['stderr'])}" if said["stderr"].strip() else ""
        status = said["status"]
        # what was cut off said nothing of failure, nor did what ended well: where it bills, it may have done so
        silent = "unknown" if self.facts.bills else "failed"
        if status is None:
            return Result(silent, f"stopped after the time limit of {self.timeout_s:g} s{words}", seconds)
        if status < 0:
            return Result(silent, f"the command died of signal {-status}{words}", seconds)
        if status:
            return Result("failed", f"the command ended with status {status}{words}", seconds)
        if not os.path.lexists(request.out):
            return Result(silent, f"the command ended well and wrote no file{words}", seconds)
        return Result("written", "", seconds)

    def close(self) -> None:
        """Nothing to let go of."""


def _last_words(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-3:] if line.strip())


def _prompt_file(request: Request) -> Path:
    return request.out.with_name("prompt.txt")


def _result_file(request: Request) -> Path:
    return request.out.with_name("result.json")
