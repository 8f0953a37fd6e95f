"""The command line. One module a noun; a command's module is imported when it is called."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from m4dbot import __version__
from m4dbot.errors import M4dbotError

# name: (module:object, the line `m4dbot --help` shows)
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("m4dbot.cli.init:init", "Write a commented configuration to start from."),
    "demo": ("m4dbot.cli.demo:demo", "Play a whole e-discussion on this machine."),
    "run": ("m4dbot.cli.run:run", "Take mail in, send mail out, until stopped."),
    "doctor": ("m4dbot.cli.doctor:doctor", "Check configuration, servers and records, and say what to do."),
    "backup": ("m4dbot.cli.backup:backup", "Copy the database to a file, also while the bot runs."),
    "discussion": ("m4dbot.cli.discussion:discussion", "Write, check, load and rehearse discussions."),
    "subscribers": (
        "m4dbot.cli.subscribers:subscribers",
        "Who reads along: import, add, remove, list, export.",
    ),
    "import": ("m4dbot.cli.import_mail:import_mail", "Take mail in from .eml, mbox or Maildir."),
    "explain": ("m4dbot.cli.explain:explain", "Show how mails are read and tagged, and why."),
    "queue": ("m4dbot.cli.queue:queue", "What waits for a decision."),
    "show": ("m4dbot.cli.moderate:show", "One contribution, with everything known about it."),
    "approve": ("m4dbot.cli.moderate:approve", "Release contributions."),
    "reject": ("m4dbot.cli.moderate:reject", "Refuse contributions, with a reason."),
    "hold": ("m4dbot.cli.moderate:hold", "Put contributions back into the queue."),
    "retag": ("m4dbot.cli.moderate:retag", "File a passage under another week and question."),
    "edit": ("m4dbot.cli.moderate:edit", "Edit what will be published; the original is kept."),
    "mail": ("m4dbot.cli.mail:mail", "Every mail that came in, and what became of it."),
    "digest": ("m4dbot.cli.digest:digest", "Preview a week's digest."),
    "summary": ("m4dbot.cli.summary:summary", "Draft, build, release and send the consolidated reply."),
    "outbox": ("m4dbot.cli.outbox:outbox", "What is to be sent, was sent, and could not be sent."),
}


class LazyGroup(click.Group):
    """Commands by name, imported when needed: `m4dbot --help` has nothing to wait for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        import importlib

        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean `{near[0]}`?" if near else "; `m4dbot --help` lists the commands"
            raise click.UsageError(f"There is no command `{args[0]}`{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: m4dbot --config water.toml queue",
)
@click.version_option(__version__, prog_name="m4dbot")
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    envvar="M4DBOT_CONFIG",
    help="The configuration; else M4DBOT_CONFIG, else config.toml in the current folder.",
)
@click.pass_context
def cli(ctx: click.Context, config_path: str | None) -> None:
    """Facilitated discussions by email: from the first question to the consolidated reply."""
    ctx.obj = config_path


def main(args: list[str] | None = None) -> None:
    """Run the command line. Exit status: 0 done, 1 refused (and why), 2 wrong use."""
    sys.exit(invoke(args))


def invoke(args: list[str] | None = None, **extra: Any) -> int:
    """As `main`, but returns the exit status. (`run` would be hidden by the module of that command.)"""
    try:
        result = cli.main(args, prog_name="m4dbot", standalone_mode=False, **extra)
    except click.UsageError as exc:
        exc.show()
        return 2
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 1
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except M4dbotError as exc:
        click.echo(click.style("m4dbot: ", fg="red") + printable(str(exc)), err=True)
        return 1
    except BrokenPipeError:  # `m4dbot queue | head`
        sys.stderr.close()
        return 0
    except Exception as exc:
        if os.environ.get("M4DBOT_DEBUG"):
            raise
        click.echo(click.style("m4dbot: ", fg="red") + printable(_bug(exc)), err=True)
        return 1
    return result if isinstance(result, int) else 0


def _bug(exc: Exception) -> str:
    """What nobody foresaw, in a sentence."""
    last = exc.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else ""
    return (
        f"This should not have happened: {type(exc).__name__}: {exc}{where}. Nothing half-done was kept; "
        "with M4DBOT_DEBUG=1 in the environment the whole story is shown."
    )


def printable(text: str) -> str:
    """The text without control characters: what a mail says must not steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
