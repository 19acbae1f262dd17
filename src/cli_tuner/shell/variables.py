"""Variables whose value other programs run, load or search, and those that keep the history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import EMPTY, STAR, Value, known

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter

# For an editor, a pager, an askpass or a transport, and what shells run before a prompt.
PROGRAM_VARIABLES = frozenset(
    "PAGER MANPAGER GIT_PAGER SYSTEMD_PAGER EDITOR VISUAL SUDO_EDITOR GIT_EDITOR FCEDIT "
    "SYSTEMD_EDITOR KUBE_EDITOR GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_ASKPASS SSH_ASKPASS "
    "SUDO_ASKPASS LESSOPEN LESSCLOSE BROWSER RSYNC_RSH CVS_RSH SVN_SSH PROMPT_COMMAND "
    "BASH_ENV PS0".split()
)
_ALWAYS_RUN = frozenset({"PROMPT_COMMAND", "BASH_ENV", "PS0"})
# What is expanded before it is shown, commands included.
_PROMPTS = frozenset({"PS1", "PS2", "PS4", "PROMPT", "RPROMPT"})
_EXPORTED_FUNCTION = re.compile(r"\(\)\s*\{[^}]*\}(?:\s*;)?\s*(?P<rest>\S.*)", re.S)
_HISTORY = frozenset({"HISTFILE", "HISTSIZE", "HISTFILESIZE", "SAVEHIST"})
_AGENT = re.compile(r"/tmp/ssh-")  # noqa: S108
_TICKETS = re.compile(r"/krb5cc_")
_OPEN_FOLDER = re.compile(r"^(?:/tmp|/var/tmp|/dev/shm)/?(?::|$)")


def assigned(shell: Interpreter, name: str, value: Value) -> None:
    """Emit what follows from giving a variable this value."""
    if name in ("LESSOPEN", "LESSCLOSE"):
        value = known(value.text.lstrip("|- "))  # a bar means that the output is shown
    if name in _ALWAYS_RUN or (name in PROGRAM_VARIABLES and value.known):
        shell.run_text(value, "bash", EMPTY)
    elif name in _PROMPTS and any("$" in text or "`" in text for text in value.texts):
        from cli_tuner.shell.again import expanded_again

        expanded_again(value, shell.scope)
    elif name == "ENV" and value.known and re.search(r"[/$`]", value.text):
        # The file that sh reads at its start; its name is expanded.
        shell.run_text(value, "sh", EMPTY)
    elif match := _EXPORTED_FUNCTION.match(value.text):
        # Older shells also ran what follows the body.
        shell.run_text(known(match["rest"]), "bash", EMPTY)
    elif name.startswith("LD_") and place_of(resolved(value.text, shell.cwd)) == "temp":
        shell.emit(EffectKind.PRIVILEGE, "ld.so", value.text, ("preload",))
    elif name == "PATH" and _OPEN_FOLDER.match(value.text):
        # Everybody can put a program there, and it is found first.
        shell.emit(EffectKind.PRIVILEGE, "PATH", value.text, ("search-path",))
    elif (
        name == "SSH_AUTH_SOCK"
        and _AGENT.match(value.text)
        and (shell.as_root or not value.known or STAR in value.text)
    ):
        # The key agent of whoever is logged in: its keys open other machines.
        shell.emit(EffectKind.SECRET, "ssh-agent", "the agent of another session", ("agent",))
    elif (
        name == "KRB5CCNAME"
        and _TICKETS.search(value.text)
        and (shell.as_root or STAR in value.text or value.text.endswith("_0"))
    ):
        shell.emit(EffectKind.SECRET, "kerberos", "the tickets of another user", ("agent",))
    elif name in _HISTORY and value.text in ("", "0", "/dev/null"):
        shell.emit(EffectKind.LOG, "bash", "the shell's history", ("history", "off"))
