"""Bringing a package into a repository: compare, send what is missing, commit once, compare again.

Nothing is visible before the one commit, so whoever downloads meanwhile gets the old content or the
new, never a mixture. A run that was cut off is resumed by running it again: bytes that arrived are
known by their digest and are not sent twice, and equal content makes no commit. Files that an
earlier publication brought (its SHA256SUMS names them) and that are no longer part of the package
are removed; files of anybody else stay.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cli_tuner.errors import HubRefused, UsageError
from cli_tuner.publish.hub import Repository, State
from cli_tuner.publish.package import SUMS, Item, Package, our_paths
from cli_tuner.publish.refusals import Transient

ATTEMPTS = 4
PAUSE_S = 1.0  # doubled after each attempt
LONGEST_PAUSE_S = 120.0  # a server that asks for more is told to a person instead
_VERSION = re.compile(r"(?:[a-z0-9]+-)*v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)")
Found = TypeVar("Found")


def version_in(tag: str | None) -> str | None:
    """The semantic version that a tag names: 1.0.0 for cli-tuner-v1.0.0."""
    found = _VERSION.fullmatch(tag or "")
    return found[1] if found else None


@dataclass(frozen=True)
class Wish:
    """What the publisher wants of the repository. `private` None: as it is, and private if new."""

    message: str
    private: bool | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        if self.tag is not None and not _VERSION.fullmatch(self.tag):
            raise UsageError(
                f'"{self.tag}" is not a version', hint="give one like v1.0.0 or cli-tuner-v1.0.0"
            )


@dataclass(frozen=True)
class Change:
    """What one commit has to do: files to send, paths to remove."""

    sent: tuple[Item, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """What became of it: where it is, and which paths were sent, removed or already there."""

    page: str
    commit: str
    private: bool
    created: bool
    sent: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass
class Upload:
    """One upload. `say` is told each step in words; `sleep` waits that many seconds."""

    package: Package
    repository: Repository
    wish: Wish
    say: Callable[[str], None] = lambda text: None
    sleep: Callable[[float], None] = time.sleep
    _additions: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Published:
        """Do it. Raises PublishError with what to do; running it again goes on."""
        self.say(f"logged in as {self._again(self.repository.check_login)}")
        before, created = self._ensure_repository()
        change = self._again(lambda: self._change(before))
        self._refuse_moved_tag(before, change)
        commit = self._again(self._bring)
        if (tag := self.wish.tag) is not None:
            self._again(lambda: self.repository.tag(tag, commit))
        sent = {item.path for item in change.sent}
        return Published(
            page=self.repository.page,
            commit=commit,
            private=before.private,
            created=created,
            sent=tuple(item.path for item in change.sent),
            removed=change.removed,
            unchanged=tuple(i.path for i in self.package.items if i.path not in sent),
        )

    def _ensure_repository(self) -> tuple[State, bool]:
        """The repository with the wanted visibility, and whether it was made just now."""
        state = self._again(self.repository.state)
        created = state is None
        if created:
            private = self.wish.private is not False
            self.say(f"creating {self.repository.address.repo}, {_visibility(private)}")
            self._again(lambda: self.repository.create(private=private))
            state = self._again(self.repository.state)
        if state is None:
            raise HubRefused(f"{self.repository.page} is not there although it was created")
        if self.wish.private not in (None, state.private):
            raise HubRefused(
                f"{self.repository.address.repo} exists and is {_visibility(state.private)}",
                hint="change that in its settings on the Hub, or ask for what it is",
            )
        return state, created

    def _change(self, state: State) -> Change:
        """What is missing or different there, and what we once brought and is no longer ours."""
        sent = tuple(
            item
            for item in self.package.items
            if (there := state.files.get(item.path)) is None or not there.holds(item)
        )
        if not sent or SUMS not in state.files:
            return Change(sent, ())
        ours = our_paths(self.repository.read(SUMS, state.head))
        kept = {item.path for item in self.package.items}
        return Change(sent, tuple(sorted((ours & set(state.files)) - kept)))

    def _refuse_moved_tag(self, state: State, change: Change) -> None:
        """A version names one content for ever: refuse before anything is sent."""
        if self.wish.tag is None:
            return
        tagged = self._again(self.repository.tags).get(self.wish.tag)
        if tagged is not None and (tagged != state.head or change.sent):
            raise HubRefused(
                f"version {self.wish.tag} exists with other content", hint="choose a new version"
            )

    def _bring(self) -> str:
        """Compare, send, commit, compare again; the commit that now holds the package."""
        state = self._present()
        change = self._change(state)
        if not change.sent:
            return state.head
        additions = [self._stored(item) for item in change.sent]
        commit = self.repository.commit(
            self.wish.message, additions, change.removed, parent=state.head
        )
        after = self._present()
        if after.head == commit and (lost := self._change(after).sent):
            raise HubRefused(
                f"the Hub does not hold {lost[0].path} as it was sent",
                hint="look for a .gitignore in the repository",
            )
        return commit

    def _present(self) -> State:
        state = self.repository.state()
        if state is None:
            raise HubRefused(f"{self.repository.page} is gone")
        return state

    def _stored(self, item: Item) -> Any:
        """The file's bytes at the Hub, if it is a large one, and the operation that commits it."""
        addition = self._additions.get(item.path)
        if addition is None:
            addition = self.repository.addition(item)
            self._additions[item.path] = addition
            self.say(f"{item.path} · {item.size_bytes:,} bytes")
        self.repository.store(item, addition)
        return addition

    def _again(self, work: Callable[[], Found]) -> Found:
        """Do it; after a failure that may pass, wait and do it again, a few times."""
        pause = PAUSE_S
        for left in reversed(range(ATTEMPTS)):
            try:
                return work()
            except Transient as error:
                wait_s = pause if error.retry_after_s is None else error.retry_after_s
                if not left or wait_s > LONGEST_PAUSE_S:
                    raise
                self.say(f"{error.message}; again in {wait_s:g} s")
                self.sleep(wait_s)
                pause *= 2
        raise AssertionError("the last attempt returns or raises")


def _visibility(private: bool) -> str:
    return "private" if private else "public"
