"""The grammar of the commands with which shells, agents and people work every day."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from cli_tuner.cli.parser import Parser

    _Commands = argparse._SubParsersAction[Parser]

HOOK_ACTIONS = ("run", "install", "uninstall", "status", "allow-once")


def add_hook(commands: _Commands) -> None:
    """`cli-tuner hook`."""
    parser = commands.add_parser(
        "hook",
        help="let coding agents ask before they run a command",
        description="Puts the guard before an agent's shell commands: claude, codex, gemini or"
        " cursor. `run` is what the agent calls; `allow-once` takes the code of a blocked command.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=HOOK_ACTIONS)
    parser.add_argument("name", metavar="agent|code", nargs="?")
    parser.add_argument("--dry-run", action="store_true", help="show the change, make none")
    parser.add_argument("--project", metavar="DIR", help="the settings of this project")
    _add_output(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    add_color(parser)


def add_color(parser: argparse.ArgumentParser) -> None:
    """How lines for people look."""
    parser.add_argument("--color", choices=("auto", "always", "never"), help="colours on stderr")
    parser.add_argument(
        "--plain",
        dest="color",
        action="store_const",
        const="plain",
        help="for screen readers: words, nothing drawn",
    )


def add_explain(commands: _Commands) -> None:
    """`cli-tuner explain`."""
    parser = commands.add_parser(
        "explain",
        help="what each part of a command does, and its effects",
        description="Explains one bash command without running it. '-' reads it from stdin.",
        allow_abbrev=False,
    )
    parser.add_argument("text", metavar="command", nargs="?", default="-")
    _add_output(parser)


def add_init(commands: _Commands) -> None:
    """`cli-tuner init`."""
    parser = commands.add_parser(
        "init",
        help="a hot key in your shell that turns a sentence into a command",
        description='For bash and zsh: eval "$(cli-tuner init bash)". fish: cli-tuner init fish |'
        " source. The key replaces the sentence in the line; nothing runs by itself.",
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.add_argument("--key", default="alt-e", help="alt-LETTER or ctrl-LETTER, not ctrl-l")


def add_fix(commands: _Commands) -> None:
    """`cli-tuner fix`."""
    parser = commands.add_parser(
        "fix",
        help="a corrected command after one that failed",
        description="Proposes a correction of the last command. After `cli-tuner init` the shell"
        " says which that was; its errors are read from stdin only if you pipe them in, or agreed"
        " by CLI_TUNER_SHARE_ERRORS=1.",
        allow_abbrev=False,
    )
    parser.add_argument("--last", metavar="COMMAND", help="the command that failed")
    parser.add_argument("--status", type=int, default=1, metavar="N", help="its exit status")
    parser.add_argument("--errors", metavar="FILE", help="a file with what it said; '-' is stdin")
    parser.add_argument("--no-model", action="store_true", help="correct misspellings only")
    parser.add_argument("--safety", choices=("strict", "moderate"), help="strict: only safe")
    parser.add_argument("--model", metavar="REF", help="fast, balanced, large or a GGUF file")
    parser.add_argument("--backend", metavar="URL", help="local, or an OpenAI-compatible endpoint")
    _add_output(parser)


def add_history(commands: _Commands) -> None:
    """`cli-tuner history`."""
    parser = commands.add_parser(
        "history",
        help="the last answers, or one of them",
        description="Lists what was answered, newest first. Queries are there only if"
        " retain_queries is set.",
        allow_abbrev=False,
    )
    parser.add_argument("id", nargs="?", help="the end of an answer's id")
    parser.add_argument("-n", dest="count", type=int, default=10, metavar="N", help="how many")
    _add_output(parser)


def add_man(commands: _Commands) -> None:
    """`cli-tuner man`."""
    commands.add_parser(
        "man",
        help="the manual page, for man",
        description="Prints the page as troff: cli-tuner man > ~/.local/share/man/man1/cli-tuner.1",
        allow_abbrev=False,
    )


def add_mcp(commands: _Commands) -> None:
    """`cli-tuner mcp`."""
    commands.add_parser(
        "mcp",
        help="serve our tools to MCP clients, over stdin and stdout",
        description="An MCP server with generate_command, check_command and explain_command.",
        allow_abbrev=False,
    )


BUILDERS = {
    "explain": add_explain,
    "fix": add_fix,
    "history": add_history,
    "hook": add_hook,
    "init": add_init,
    "man": add_man,
    "mcp": add_mcp,
}
