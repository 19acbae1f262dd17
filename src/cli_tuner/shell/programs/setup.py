"""Tools that print settings for the shell they are called from: `eval "$(ssh-agent -s)"`.

What they print is not in the text, but it is what the tool is for; the mark `setup` keeps it
from being called undecided. Only by bare name: a file of that name in a folder is any program.
"""

from __future__ import annotations

from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import HOLE, UNKNOWN, Value

# Sub-command or option that prints settings, by program; empty where the program does so alone.
_PRINTS = {
    "ssh-agent": "",
    "gpg-agent": "",
    "keychain": "",
    "dircolors": "",
    "lesspipe": "",
    "tset": "",
    "resize": "",
    "direnv": "hook export",
    "starship": "init completions",
    "zoxide": "init",
    "atuin": "init",
    "mcfly": "init",
    "thefuck": "--alias",
    "rbenv": "init",
    "plenv": "init",
    "docker-machine": "env",
    "chef": "shell-init",
    "devbox": "shellenv shell-init global",
    "navi": "widget",
    "hub": "alias",
    "dbus-launch": "",
    "nodenv": "init",
    "jenv": "init",
    "goenv": "init",
    "fnm": "env completions",
    "mise": "activate env",
    "rtx": "activate",
    "opam": "env",
    "luarocks": "path",
    "fzf": "--bash --zsh",
    "register-python-argcomplete": "",
    "oh-my-posh": "init",
}


def _setup(call: Call) -> Value:
    words = _PRINTS[call.name].split()
    if words and not call.has(*words):
        return UNKNOWN
    return Value((HOLE,), frozenset({"setup"}), f"what {call.name} prints")


HANDLERS: dict[str, Handler] = dict.fromkeys(_PRINTS, _setup)
