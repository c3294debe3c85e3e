"""The ``avgen-bench generate`` command: have the clips made that scoring asks for."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench.cli_common import console_of, progress
from avgen_bench.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from avgen_bench.generate import Made, Outlook
    from avgen_bench.generators.base import Generator

__all__ = ["add"]

EXIT_COMPLETE, EXIT_FAILURES, EXIT_INTERRUPTED = 0, 3, 130

_MOST_SHOWN = 20

_EPILOG = """\
placeholders of --command: {prompt} {prompt_file} {out} {seed} {id} {take} {duration_s}; there is no shell, each
placeholder stays inside its argument. {prompt} and {id} are an argument of their own or --name={prompt}, nothing else;
where shells and interpreters that we know would run them, they are refused. A program that runs what it is given is
yours to keep safe: give it {prompt_file}, which also takes prompts that begin with a dash.

  avgen-bench generate --config mini --out CLIPS --command 'my-model --prompt={prompt} --seed {seed} --out {out}'
  avgen-bench generate --config mini --out CLIPS --provider fal-ai --model ORG/MODEL --set num_frames=121
  avgen-bench generate --config mini --out CLIPS --diffusers Lightricks/LTX-2 --set num_inference_steps=40

The same command goes on where it was. The command line and what is set stand in the manifest: give keys in environment
variables. A clip that lies there is never replaced. A request that was sent and whose outcome is not known may have
been billed, and so may what came and is no clip: that is not sent again without --again-unknown.

exit status: 0 every clip is there, 1 error, 2 usage, 3 some are not (they score the floor)"""


def add(commands: Any) -> None:
    """Add ``generate`` to the parser's commands; imports nothing but the standard library."""
    what = "have a generator make the clips of a prompt set, with a manifest for avgen-bench score"
    parser = commands.add_parser(
        "generate",
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--prompts",
        metavar="SET",
        help="prompts (.jsonl, .csv or .parquet), or avgen-bench, avgen-bench:mini, avgen-bench:ladders",
    )
    parser.add_argument("--config", metavar="NAME", help="of this package's set: default, mini or ladders (default)")
    parser.add_argument("--out", required=True, metavar="CLIPS", help="folder of clips; a second run continues it")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--command", dest="line", metavar="LINE", help="a program that writes one clip to {out}")
    who.add_argument("--provider", metavar="NAME", help="as huggingface_hub calls it, or auto; with --model")
    who.add_argument("--diffusers", metavar="MODEL", help="a pipeline that returns pictures and sound; id or folder")
    parser.add_argument("--model", metavar="ID", help="of the provider")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of provider or pipeline, repeatable; {seed} and {duration_s} stand for the clip's own",
    )
    parser.add_argument("--takes", type=int, default=1, metavar="K", help="clips of each prompt (1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first take; each take adds one (0)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="clips under way at once (1)")
    parser.add_argument("--timeout", type=float, default=3600.0, metavar="S", help="seconds for one clip (3600)")
    parser.add_argument("--system", default="", metavar="NAME", help="name of the generator (default: the folder's)")
    parser.add_argument("--bills", action="store_true", help="the command costs money: treat it like a provider")
    parser.add_argument("--retry-failed", action="store_true", help="ask again for what failed or was refused")
    parser.add_argument(
        "--again-unknown", action="store_true", help="ask again for what may have been made, and may be billed twice"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked; send nothing")
    parser.set_defaults(run=_generate)


def _generator(arguments: argparse.Namespace) -> Generator:
    from avgen_bench.generators.base import parse_settings

    if not 0 < arguments.timeout < 1e7:
        raise InputError(f"--timeout {arguments.timeout:g}: expected seconds, more than 0")
    if arguments.line is not None:
        for name in ("model", "set"):
            if getattr(arguments, name):
                raise InputError(f"--{name} is about a provider or pipeline; a command takes all in its own line")
        from avgen_bench.generators.command import Command

        return Command(arguments.line, arguments.timeout, bills=arguments.bills)
    if arguments.bills:
        raise InputError("--bills is about --command: a provider always bills, a pipeline of diffusers never does")
    settings = parse_settings(arguments.set)
    if arguments.diffusers is not None:
        if arguments.model:
            raise InputError("--model is about a provider; with --diffusers, the model is its value")
        from avgen_bench.generators.diffusers import Diffusers

        return Diffusers(arguments.diffusers, settings, arguments.timeout)
    if not arguments.model:
        raise InputError("--provider needs --model ID, such as ORG/NAME on the Hub")
    from avgen_bench.generators.inference import Inference

    return Inference(arguments.model, arguments.provider, settings, arguments.timeout)


def _generate(arguments: argparse.Namespace) -> int:
    from avgen_bench import generate as work
    from avgen_bench.prompts import BUILTIN, load_prompts
    from avgen_bench.report_words import printable

    if arguments.prompts is not None and arguments.config is not None:
        raise InputError("--config is a configuration of this package's prompts; --prompts names a set: drop one")
    source = arguments.prompts or f"{BUILTIN}:{arguments.config or 'default'}"
    prompts = load_prompts(source)
    generator = _generator(arguments)
    console = console_of()
    options = {
        "takes": arguments.takes,
        "seed": arguments.seed,
        "retry_failed": arguments.retry_failed,
        "again_unknown": arguments.again_unknown,
    }
    try:
        if arguments.dry_run:
            _print_outlook(work.outlook(prompts.values(), arguments.out, generator, **options), generator, console)
            return EXIT_COMPLETE
        with progress(console_of(stderr=True), "generating", "without a clip", lost_in_lines=True) as tell:
            made = work.generate(
                prompts.values(),
                arguments.out,
                generator,
                workers=arguments.workers,
                system=arguments.system,
                on_tick=lambda done, total, lost: tell(done, total, lost, "clips"),
                on_note=lambda text: print(f"note: {printable(text)}", file=sys.stderr),
                **options,
            )
    except KeyboardInterrupt:
        print("\navgen-bench: interrupted; what was made is kept; the same command goes on", file=sys.stderr)
        return EXIT_INTERRUPTED
    finally:
        generator.close()
    _print_made(made, console)
    following = f"avgen-bench score {_quoted(made.manifest)} --prompts {_quoted(source)} --out RUN"
    console.print(f"\nnow: {following}", markup=False, soft_wrap=True)
    return EXIT_FAILURES if made.failures else EXIT_COMPLETE


def _quoted(value: str | Path) -> str:
    from avgen_bench.report_words import printable

    return printable(shlex.quote(str(value)))


def _print_outlook(found: Outlook, generator: Generator, console: Console) -> None:
    from avgen_bench.generators.base import seed_of
    from avgen_bench.generators.command import Command
    from avgen_bench.report_words import printable

    def say(text: str) -> None:
        console.print(printable(text), markup=False, soft_wrap=True)

    facts = generator.facts
    say(f"generator:   {facts.kind} {facts.model}{', bills' if facts.bills else ''}")
    say(
        f"clips:       {len(found.states)}; " + ", ".join(f"{count} {state}" for state, count in found.counts().items())
    )
    say(f"to ask for:  {len(found.todo)}")
    for slot in found.todo[:1]:
        request = found.requests[slot]
        say(f"first:       {request.prompt_id}, take {request.take}, seed {seed_of(facts, request)}")
        if isinstance(generator, Command):
            for argument in generator.argv_for(request):
                say(f"             {argument}")


def _print_made(made: Made, console: Console) -> None:
    from rich.table import Table

    from avgen_bench.report_words import printable

    table = Table("", "clips", box=None, pad_edge=False, header_style="dim")
    table.columns[1].justify = "right"
    for word, count in made.counts().items():
        table.add_row(word, str(count))
    console.print(table)
    console.print(f"{made.asked} requests in this run", markup=False)
    if made.others:
        words = f"{made.others} clips of other prompts stand in manifest.jsonl; {made.manifest.name} leaves them out"
        console.print(printable(words), markup=False, soft_wrap=True)
    for row in made.failures[:_MOST_SHOWN]:
        take = f", take {row['take']}" if row["take"] else ""
        words = f"{row['prompt_id']}{take}: {row['status']}: {row['reason']}"
        console.print(printable(words), style="red", markup=False, soft_wrap=True)
    if len(made.failures) > _MOST_SHOWN:
        console.print(f"and {len(made.failures) - _MOST_SHOWN} more in {printable(str(made.manifest))}", markup=False)
