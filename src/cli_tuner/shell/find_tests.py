"""The expression of `find` in one spelling: tests that follow each other commute.

    find . -type f -name x -print        ->   find . -name=x -type=f
    find . ! -name x -maxdepth 1 -delete ->   find . -maxdepth=1 -not -name=x -delete

Only tests without effect are put in order, and only between two operators, parentheses or actions.
Facts: find(1) of GNU findutils.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cli_tuner.shell.template import EXECUTES

_GLOBAL = frozenset(
    "-maxdepth -mindepth -depth -d -mount -xdev -noleaf -ignore_readdir_race".split()
)
_PLAIN = frozenset(  # tests without an argument
    "-empty -executable -false -nogroup -nouser -readable -true -writable".split()
)
_WITH_ARGUMENT = frozenset(
    "-amin -anewer -atime -cmin -cnewer -context -ctime -fstype -gid -group -ilname -iname -inum "
    "-ipath -iregex -iwholename -links -lname -mmin -mtime -name -newer -path -perm -regex "
    "-samefile -size -type -uid -used -user -wholename -xtype -maxdepth -mindepth -regextype "
    "-printf -fprint -fprint0 -fls".split()
)
_ACTIONS_WITH_ARGUMENT = frozenset("-printf -fprint -fprint0 -fls -regextype".split())
_SAME = {"-a": "-and", "!": "-not", "-o": "-or", "-wholename": "-path", "-iwholename": "-ipath",
         "-xdev": "-mount", "-d": "-depth", "\\(": "(", "\\)": ")"}  # fmt: skip


def find_form(program: str, words: Sequence[str], command: Callable[[list[str]], str]) -> str:
    """`find` with these arguments in one spelling; `command` writes what -exec runs."""
    begins = next(
        (at for at, word in enumerate(words) if word.startswith(("-", "\\(", "!", "("))
         and word not in ("-H", "-L", "-P")),
        len(words),
    )  # fmt: skip
    starts = list(words[:begins]) or ["."]
    primaries = list(_primaries(list(words[begins:]), command))
    if len(primaries) > 0 and primaries[-1] == "-print" and "-or" not in primaries:
        others = [one for one in primaries[:-1] if not _is_test(one)]
        primaries = primaries[:-1] if not others else primaries
    first = sorted({one for one in primaries if one.partition("=")[0] in _GLOBAL})
    rest = [one for one in primaries if one not in first and one != "-and"]
    return " ".join([program, *starts, *first, *_in_order(rest)])


def _primaries(words: list[str], command: Callable[[list[str]], str]) -> Iterator[str]:
    """Each test, action and operator as one text."""
    waiting = iter(words)
    for word in waiting:
        name = _SAME.get(word, word)
        if word in EXECUTES:
            run: list[str] = []
            ends = ";"
            for one in waiting:
                if one in ("\\;", ";") or (one == "+" and run[-1:] == ["{}"]):
                    ends = one.lstrip("\\")
                    break
                run.append(one)
            yield f"{name} {command(run) if run else ''} {ends}"
        elif name == "-not":
            yield f"-not {next(_primaries([*_taken(waiting)], command), '')}"
        elif name in _WITH_ARGUMENT or word.startswith("-newer"):
            yield f"{name}={next(waiting, '')}"
        else:
            yield name


def _taken(waiting: Iterator[str]) -> Iterator[str]:
    """The words of the primary that a negation is of."""
    word = next(waiting, None)
    if word is None:
        return
    yield word
    if word in _WITH_ARGUMENT or word.startswith("-newer"):
        yield next(waiting, "")


def _is_test(primary: str) -> bool:
    """Whether it only looks."""
    name = primary.removeprefix("-not ").partition("=")[0]
    if name in _ACTIONS_WITH_ARGUMENT:
        return False
    return name in _PLAIN or name in _WITH_ARGUMENT or name.startswith("-newer") or name in _GLOBAL


def _in_order(primaries: Sequence[str]) -> Iterator[str]:
    run: list[str] = []
    for one in primaries:
        if _is_test(one):
            run.append(one)
            continue
        yield from sorted(run)
        run = []
        yield one
    yield from sorted(run)
