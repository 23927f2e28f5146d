"""The `crossloom` command: its page of help, its sub-commands on demand, and what becomes of failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

from crossloom import __version__
from crossloom.cli.failures import Terminated, exit_code_of
from crossloom.cli.output import warnings_reported


class Section(NamedTuple):
    """A part of the help page: commands by name with their modules, and examples of their use."""

    title: str
    commands: dict[str, str]
    examples: tuple[str, ...]


SECTIONS = (
    Section(
        "Write and check specs",
        {"new": "new", "import": "import_", "check": "check", "diff": "diff"},
        ("crossloom import facebook/s2t-small-librispeech-asr -o s2t.yaml", "crossloom check s2t.yaml --fix"),
    ),
    Section(
        "Look at models",
        {"show": "show", "emit": "emit", "compile": "compile", "bench": "bench"},
        ("crossloom show s2t.yaml --format html -o s2t.html", "crossloom compile s2t.yaml -o build/s2t"),
    ),
    Section(
        "Weights",
        {"weights": "weights", "export": "export"},
        (
            "crossloom weights s2t.yaml --verify ./checkpoint",
            "crossloom export s2t.yaml -o out --to transformers",
        ),
    ),
    Section(
        "Run and train",
        {"demo": "demo", "run": "run", "train": "train"},
        (
            "crossloom run s2t.yaml speech.wav -g num_beams=5",
            "crossloom run captions.yaml picture.png",
            "crossloom train combo.yaml --data train.jsonl -o out",
        ),
    ),
    Section(
        "Reference",
        {"catalogue": "catalogue", "schema": "schema", "explain": "explain"},
        ("crossloom catalogue", "crossloom explain XL301"),
    ),
)

INTRODUCTION = """\
A compiler for encoder-decoder models: a YAML spec in, reviewed PyTorch source and a running model out.

A SPEC is a file, a catalogue name, or `-` for standard input. A SOURCE of weights is a folder (it begins
with / ./ ../ or ~) or a Hub repository `organisation/name`, with `@revision` if you like.
"""

ENDING = """\
Results are on standard output, findings and progress on standard error. Exit codes: 0 all is well; 1
findings, differences or a failed input; 2 wrong usage, a missing file, or the network; 70 an internal error;
130 interrupted, 143 terminated. NO_COLOR turns colours off, COLUMNS sets the width,
CROSSLOOM_DEBUG=1 shows tracebacks.
"""


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"crossloom {__version__}")
        ctx.exit()


@contextmanager
def _failures_told(ctx: click.Context) -> Iterator[None]:
    """End with the exit code of whatever is raised inside, and say what it is."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except (Exception, KeyboardInterrupt, Terminated) as error:
        ctx.exit(exit_code_of(error, ctx))


class Application(click.Group):
    """The command with its sub-commands, each imported when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, context_settings={"help_option_names": ["-h", "--help"]})
        self.params = [
            click.Option(["--debug"], is_flag=True, help="Show tracebacks of internal errors."),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_version,
                help="Show the version.",
            ),
        ]
        self._modules = {name: module for section in SECTIONS for name, module in section.commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help page."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of that name."""
        if cmd_name not in self._modules:
            return None
        command = import_module(f"crossloom.cli.{self._modules[cmd_name]}").command
        assert isinstance(command, click.Command)
        command.context_settings.setdefault("help_option_names", ["-h", "--help"])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with near names for one that does not exist."""
        if args and not args[0].startswith("-") and args[0] not in self._modules:
            from compiler.diagnostics.near import near

            close = near(args[0], self._modules)
            ctx.fail(f"no command {args[0]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, which prints the page of help here."""
        with _failures_told(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> None:
        """Run the sub-command; what it returns or raises becomes the exit code."""
        with _failures_told(ctx), warnings_reported():
            code = super().invoke(ctx)
        ctx.exit(code or 0)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The page that `crossloom --help` prints."""
        formatter.width = min(max(formatter.width, 78), 100)
        self.format_usage(ctx, formatter)
        for paragraph in INTRODUCTION.split("\n\n"):
            formatter.write_paragraph()
            formatter.write_text(paragraph)
        for section in SECTIONS:
            with formatter.section(section.title):
                formatter.write_dl([(name, self._line(ctx, name)) for name in section.commands])
                formatter.write_paragraph()
                for example in section.examples:
                    formatter.write(f"{'':{formatter.current_indent}}$ {example}\n")
        self.format_options(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("`crossloom COMMAND --help` says more.")
        formatter.write_paragraph()
        formatter.write_text(ENDING)

    def _line(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        assert command is not None, "sections name commands"
        return command.get_short_help_str(limit=90)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options alone; commands are listed by section."""
        click.Command.format_options(self, ctx, formatter)
