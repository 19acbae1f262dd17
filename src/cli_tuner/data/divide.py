"""The second half of the stage: near duplicates leave, and every other row gets its split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cli_tuner.artifacts import Progress
from cli_tuner.data.config import DataConfig
from cli_tuner.data.gather import Held
from cli_tuner.data.keys import digest64, normalized_command
from cli_tuner.data.near import Edge
from cli_tuner.data.overlap import Overlap
from cli_tuner.data.population import Population
from cli_tuner.data.split import (
    TEST,
    TRAIN,
    VALIDATION,
    Conflict,
    assigned,
    groups_of,
    rows_to_drop,
)
from cli_tuner.shell.template import NO_BASH


@dataclass
class Division:
    """Where each row goes. Rows that leave are in `dropped` with (step, reason)."""

    held: Sequence[Held] = ()
    splits: dict[int, str] = field(default_factory=dict)
    dropped: dict[int, tuple[str, str]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    """Skeleton -> the first skeleton of its group."""
    costs: dict[str, int] = field(default_factory=dict)


def divide(
    config: DataConfig, population: Population, held: Sequence[Held], progress: Progress
) -> Division:
    """Decide about every row of the population."""
    work = _Work(config, population, progress, Division(held))
    edges = work.near_duplicates()
    if held:
        work.compare_with_held_out()
    work.assign([edge for edge in edges if edge.likeness >= config.splits.like])
    work.part()
    return work.division


@dataclass(frozen=True)
class _Work:
    config: DataConfig
    population: Population
    progress: Progress
    division: Division

    def near_duplicates(self) -> list[Edge]:
        """The later of two rows leaves, unless the earlier one has left itself.

        Returns all pairs of like requests.
        """
        self.progress.step("near duplicates")
        near = self.config.near_duplicates
        edges, likeness_of = self.population.alike(min(self.config.splits.like, near.request))
        reason = f"the request and the command are alike ({near.request:g}, {near.command:g})"
        requests = [edge for edge in edges if edge.likeness >= near.request]
        found = sorted(
            (edge.later, edge.earlier)
            for edge, command in zip(requests, likeness_of(requests), strict=True)
            if command >= near.command
        )
        for later, earlier in found:
            if earlier not in self.division.dropped:
                self.division.dropped[later] = ("near duplicates", reason)
        return edges

    def compare_with_held_out(self) -> None:
        """What shares a skeleton, a command or a like request with a row held out elsewhere."""
        self.progress.step("compare with the held-out sets", len(self.population))
        held = self.division.held
        templates = {one.facts.template: one.split for one in held}
        templates.pop(NO_BASH, None)
        commands = {digest64(normalized_command(one.pair.command)): one.split for one in held}
        index = Overlap([one.pair.query for one in held], self.config.splits.like)
        for member in self.population.members():
            self.progress.advance()
            row = member.number
            if row in self.division.dropped:
                continue
            like = next(index.like(member.pair.query), None)
            command = self.population.command_key[row]
            if command in commands:
                reason = f"the same command as a row of {commands[command]}"
            elif like is not None:
                reason = f"a like request as a row of {held[like[0]].split}"
            elif member.template in templates:
                reason = f"the same template as a row of {templates[member.template]}"
            else:
                continue
            self.division.dropped[row] = ("held out", reason)

    def assign(self, edges: Sequence[Edge]) -> None:
        """Whole groups to splits. A split that was given stays what it is."""
        self.progress.step("split")
        population, division = self.population, self.division
        kept = [row for row in range(len(population)) if row not in division.dropped]
        wanted = self._wanted(len(kept))
        largest = max(1, int(max(wanted.values(), default=0) * self.config.splits.largest_group))
        group_of = groups_of(population.template_of, kept, edges, largest)
        names: dict[int, str] = {}
        for template, group in group_of.items():
            text = population.templates[template]
            names[group] = min(text, names.get(group, text))
        groups = [group_of[population.template_of[row]] for row in kept]
        sizes = Counter(groups)
        splits = assigned(sizes, names, wanted, self.config)
        for row, group in zip(kept, groups, strict=True):
            division.splits[row] = splits[group]
        for template, group in group_of.items():
            division.groups[population.templates[template]] = names[group]
        division.costs = {
            "templates": len(group_of),
            "groups": len(sizes),
            "rows_of_the_largest_group": max(sizes.values(), default=0),
            "rows_that_a_joined_group_may_have": largest,
            "pairs_of_like_requests": len(edges),
        }

    def _wanted(self, rows: int) -> dict[str, int]:
        fixed = {one.split for one in self.division.held}
        shares = {TEST: self.config.splits.test, VALIDATION: self.config.splits.validation}
        return {name: round(share * rows) for name, share in shares.items() if name not in fixed}

    def part(self) -> None:
        """Drop rows until nothing is alike across splits that were made here."""
        splits = self.division.splits
        apart = [row for row, split in splits.items() if split != TRAIN]
        if not apart:
            return
        self.progress.step("look for what is alike across splits", len(self.population))
        conflicts = list(self._conflicts(apart))
        gone = rows_to_drop(conflicts, splits)
        losses = Counter(splits[row] for row in gone)
        for row, reason in gone.items():
            del splits[row]
            self.division.dropped[row] = ("split", reason)
        costs = self.division.costs
        costs["conflicts_across_splits"] = len(conflicts)
        for split in (TRAIN, VALIDATION, TEST):
            costs[f"rows_dropped_from_{split}_for_them"] = losses[split]

    def _conflicts(self, apart: Sequence[int]) -> Iterator[Conflict]:
        """Rows of different splits with like requests or the same normalised command."""
        splits, keys = self.division.splits, self.population.command_key
        inside = set(apart)
        held = [member for member in self.population.members() if member.number in inside]
        index = Overlap([member.pair.query for member in held], self.config.splits.like)
        same: defaultdict[int, list[int]] = defaultdict(list)
        for row in apart:
            same[keys[row]].append(row)
        for member in self.population.members():
            self.progress.advance()
            row = member.number
            if row not in splits:
                continue
            alike = [held[number].number for number, _ in index.like(member.pair.query)]
            others = dict.fromkeys(same.get(keys[row], ()), "the same command")
            others |= dict.fromkeys(alike, "a like request")
            for other, why in others.items():
                if splits[other] != splits[row]:
                    yield Conflict(row, other, why)
