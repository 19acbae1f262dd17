"""What it means to write to a file that is run later: start-up files, crontabs, units, hooks.

Setting a variable or an alias in `~/.bashrc` is settings; anything that starts a program at
login, at boot or on a clock is persistence; content the text does not decide is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import Certainty, EffectKind
from cli_tuner.shell.config_lines import commands_in
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import place_of
from cli_tuner.shell.values import EMPTY, HOLE, QUERY, STAR, Value

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter
    from cli_tuner.shell.words import Field

_SETTING = re.compile(
    r"\s*(?:#.*|(?:export\s+)?(?!LD_PRELOAD|PROMPT_COMMAND|BASH_ENV)[A-Za-z_]\w*=[^;&|`]*"
    r"|alias\s+(?!sudo\b|su\b|ssh\b|passwd\b|doas\b)[\w.-]+=[^;|&`]*"
    r"|(?:shopt|set|setopt|bindkey|umask|source|\.|autoload|complete|compinit|unset|fpath)\b"
    r"[^;&|`]*(?:&&[^;&|`]*)?"
    r"|eval \"\$\([\w./-]+ [\w -]*\)\"|\[ .* \] && (?:\\?\.|source) [^;&|`]*"
    r"|(?:if|then|fi|else|done|do)\b.*|[A-Z]\w* .*"
    r"|set [\w=]+|\[[\w ]+\]|\w[\w.]* ?= ?[^;&|`]*|)\s*",
)
_CRON_TIME = re.compile(r"\s*(?:@\w+|(?:[\d*/,\w-]+\s+){4}[\d*/,\w-]+)\s+(?P<command>\S.*)")
_UNIT_EXEC = re.compile(r"^\s*Exec\w*\s*=[-@:+!]*\s*(?P<command>.+)$", re.M)
_SUSPECT = re.compile(
    r"/(?:tmp|var/tmp|dev/shm)/|/dev/(?:tcp|udp)/|curl|wget|\bnc\b|ncat|socat|base64|python\S* -c|"
    r"perl -e|bash -i|/\.[\w.]+|nohup|mkfifo|>&\s*[^\s\d]|0>&|@reboot|\|\s*(?:ba|z|da)?sh\b"
)


_NO_HISTORY = re.compile(
    r"(?:^|[\s;])(?:unset\s+HISTFILE|(?:export\s+)?(?:HISTFILE=(?:/dev/null)?|HISTSIZE=0)|"
    r"set\s+\+o\s+history)\s*(?:[\s;]|$)",
    re.M,
)
_OPEN_UMASK = re.compile(r"^\s*umask\s+(?:-S\s+)?(?:0+|0*1|a=rwx|u=rwx,g=rwx,o=rwx)\s*$", re.M)


# A program that nobody sees, or that anybody can replace. Many tools live in folders with a dot.
_HIDDEN_PROGRAM = re.compile(
    r"(?:^|[\s\"'=|;&(])[~\w./-]*?(?:/(?:tmp|var/tmp|dev/shm)/\S|/\.(?!(?:config|local|cargo|"
    r"cache|nvm|pyenv|rbenv|volta|deno|bun|npm|dotnet|sdkman|asdf|venv|virtualenvs|rustup|poetry|"
    r"fzf|oh-my-zsh|ssh|vim|tmux|nix-profile|linuxbrew|krew|jenv|goenv|nodenv|mise|composer|opam|"
    r"ghcup|cabal|env|bash\w*|profile|zsh\w*|git\w*)\b)[\w-])"
)
# A word that asks for a password, or a device that is plugged in, now starts something else.
_REPLACED = re.compile(
    r"\bPATH=[\"']?(?:[^\n:;]*:)*?/(?:tmp|var/tmp|dev/shm)\b|"
    r"\balias\s+(?:sudo|su|ssh|passwd|doas)=.*/(?:tmp|var/tmp|dev/shm|\.)|"
    r"\b(?:ProxyCommand|LocalCommand|KnownHostsCommand)[\s=]+\S*/(?:tmp|var/tmp|dev/shm|\.\w)|"
    r"\bstream\s+tcp6?\s+nowait\b.*sh\b|\bos\.system\(|\bsubprocess\."
)


_EVERYBODYS = re.compile(f"/(?:home|Users)/[{STAR}{QUERY}]")
_FROM_OPEN_FOLDER = re.compile(r"^/(?:tmp|var/tmp|dev/shm)/")


# What every shell reads first; a shell that ends there lets nobody in.
_SHELL_START = re.compile(
    r"/(?:etc/(?:profile|bash\.?bashrc|bashrc|zsh\S*)|\.(?:bashrc|bash_profile|bash_login|profile|"
    r"zshrc|zshenv|zprofile|zlogin|kshrc|config/fish/config\.fish))$|^/etc/profile\.d/"
)
_LEAVES = re.compile(
    r"^[ \t]*(?:builtin[ \t]+)?(?:exit|logout|exec\s+(?:/usr)?(?:/bin/)?(?:true|false)|"
    r"kill\s+(?:-\w+\s+)?(?:\$\$|\$PPID))(?:[ \t]+\d+)?[ \t]*;?[ \t]*$",
    re.M,
)
_CHOICE = re.compile(r"\b(?:if|case|then|while|function)\b|&&|\|\||\(\)|\[ ")


def _leaves_at_once(text: str) -> bool:
    """Whether a start-up file ends the shell that reads it, whatever it finds."""
    return _LEAVES.search(text) is not None and _CHOICE.search(text) is None


def persisted(  # noqa: PLR0913  what, where and how are all needed to grade a write
    shell: Interpreter, utility: str, path: str, where: Field, content: Value, *, appends: bool
) -> None:
    """Emit a `persist` effect if what was written will be run later."""
    labels = labels_of(path)
    if not labels & {"startup", "keys", "hook", "hooked"}:
        return
    if _SHELL_START.search(path) and _leaves_at_once(content.text):
        shell.emit(EffectKind.ACCOUNT, utility, path, ("locked-out",))
    grade = "keys" if "keys" in labels else _grade_of(shell, utility, path, content)
    if grade in ("settings", "unknown") and not labels & {"startup", "keys", "hook"}:
        return
    own = content.source.endswith(".pub") and "downloaded" not in content.taints
    own = own and not _FROM_OPEN_FOLDER.match(content.source) and not _EVERYBODYS.match(path)
    # Whoever becomes root for it gives a key of theirs to somebody else.
    own = own and not (shell.as_root and path.startswith(("/root/", "/home/", "/Users/")))
    if grade == "keys" and own:
        grade = "own-keys"
    if grade == "unknown" and _FROM_OPEN_FOLDER.match(content.source):
        grade = "suspect"
    if content is EMPTY and not appends:
        grade = "emptied"
    if grade == "unknown" and utility == "ln" and _own_copy(content.source, path):
        return
    if _NO_HISTORY.search(content.text):
        shell.emit(EffectKind.LOG, utility, "the shell's history", ("history", "off"))
    if _OPEN_UMASK.search(content.text):
        shell.emit_path(EffectKind.PERMISSION, utility, where, ("world-write", "umask"))
    kind = sorted(labels & {"startup", "keys", "hook", "hooked"})
    shell.emit_path(EffectKind.PERSIST, utility, where, (grade, *kind))


def _own_copy(source: str, path: str) -> bool:
    """`ln -s ~/dotfiles/.bashrc ~/.bashrc`: a start-up file kept in a folder of one's own."""
    same = source.rpartition("/")[2].lstrip(".") == path.rpartition("/")[2].lstrip(".")
    return same and place_of(source) in ("home", "home-top", "home-config", "project")


def _grade_of(shell: Interpreter, utility: str, path: str, content: Value) -> str:
    """The grade of what was written, read by the format of the file."""
    text = content.text
    commands = commands_in(path, text)
    if commands is None or content.taints & {"downloaded", "decoded"}:
        return graded(shell, utility, content)
    if not commands:
        return "settings" if text.strip() not in ("", HOLE) else "unknown"
    _run_later(shell, utility, commands)
    suspect = any(_HIDDEN_PROGRAM.search(c) or _SUSPECT.search(c) for c in commands)
    return "suspect" if suspect else "program"


def graded(shell: Interpreter, utility: str, content: Value) -> str:
    """`settings`, `program`, `suspect` or `unknown`; effects of the content are emitted too."""
    text = content.text
    if content.taints & {"downloaded", "decoded"}:
        return "suspect"
    if not text.strip() or text.strip() == HOLE:
        return "unknown"
    commands = [m["command"] for m in _UNIT_EXEC.finditer(text)]
    commands += [m["command"] for line in text.splitlines() if (m := _CRON_TIME.fullmatch(line))]
    settings = all(map(_SETTING.fullmatch, text.splitlines()))
    hidden = any(_HIDDEN_PROGRAM.search(command) for command in commands)
    if hidden or _REPLACED.search(text) or (_SUSPECT.search(text) and not settings):
        _run_later(shell, utility, commands or [text])
        return "suspect"
    if commands:
        _run_later(shell, utility, commands)
        return "program"
    if settings:
        return "settings"
    _run_later(shell, utility, [text])
    return "program"


def _run_later(shell: Interpreter, utility: str, commands: list[str]) -> None:
    with shell.certainly(Certainty.POSSIBLE):
        for command in commands[:8]:
            shell.run_text(Value((command,)), utility, EMPTY)
