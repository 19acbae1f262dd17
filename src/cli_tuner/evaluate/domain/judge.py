"""The suite `domain`.

exact             the command is a reference, character by character
exact_canonical   the same after both were brought to one spelling (shell/canonical.py)
template          the same programs, sub-commands and options (shell/template.py)
utilities         the same programs in the same order
syntax            `bash -n` takes it and ShellCheck finds no error; an answer without one fails
command_only      the model's own text is the command and nothing else, and it was finished
utility_valid     every program is one that the tables know or a reference of the set names
option_valid      every option is one that its program has, where that is known

BLEU is a total. The first four need references, and are undecided for rows without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cli_tuner.evaluate.domain.bleu import command_bleu
from cli_tuner.evaluate.domain.known import are_programs_known, programs_in
from cli_tuner.evaluate.domain.mistakes import EXACT, FORMAT, mistake_in
from cli_tuner.evaluate.rate import Measure, Rate
from cli_tuner.evaluate.suite import Context, Item, Outcome, SuiteResult
from cli_tuner.records import Finish
from cli_tuner.shell.canonical import are_options_known, canonical_of
from cli_tuner.shell.template import template_of, utilities_of
from cli_tuner.syntax import faults_of, tool_versions

_NOTES = (
    "One reference is not the truth: most requests have several right commands, so exact match, "
    "template match and BLEU say how often the model wrote what somebody else wrote, not how often "
    "it was right.",
    "`option_valid` is decided where a complete table of the program's options is there; "
    "`reference_option_valid` is what the references themselves get. `utility_valid` knows the "
    "tables' programs and those that a reference of the set names.",
    "`command_only` is decided by the product's own extraction; a sentence that reads like a "
    "command passes for one.",
)


def judge(items: Sequence[Item], context: Context) -> SuiteResult:
    """Judge the answers of one set."""
    progress = context.progress
    progress.step("domain: syntax", len(items))
    commands = sorted({item.command for item in items if item.command is not None})
    faults = dict(zip(commands, faults_of(commands), strict=True))
    progress.step("domain: compare", len(items))
    named = {name for item in items for text in item.references for name in programs_in(text)}
    outcomes = []
    for item in items:
        outcomes.append(_outcome(item, faults, named))
        progress.advance()
    return SuiteResult(
        suite="domain",
        outcomes=tuple(outcomes),
        totals=_totals(items),
        totals_by_stratum=_totals_by_stratum(items),
        facts=dict(tool_versions()),
        notes=_NOTES,
    )


def _outcome(item: Item, faults: dict[str, str], named: set[str]) -> Outcome:
    command = item.command
    fault = "no command" if command is None else faults[command]
    exact = _same(item, lambda text: text)
    canonical = exact or _same(item, canonical_of)
    measures = {
        "exact": exact,
        "exact_canonical": canonical,
        "template": _same(item, template_of),
        "utilities": _same(item, utilities_of),
        "syntax": not fault,
        "command_only": is_command_only(item),
        "utility_valid": None if command is None else are_programs_known(command, named),
        "option_valid": None if command is None else are_options_known(command),
    }
    if fault or command is None:
        return Outcome(item.id, measures, FORMAT, item.refusal or fault)
    if canonical is None:
        return Outcome(item.id, measures)
    if canonical:
        return Outcome(item.id, measures, EXACT)
    return Outcome(item.id, measures, *mistake_in(command, item.references))


def _same(item: Item, form: Callable[[str], object]) -> bool | None:
    """Whether the command has the form of a reference; None without references."""
    if not item.references:
        return None
    if item.command is None:
        return False
    return form(item.command) in {form(text) for text in item.references}


def is_command_only(item: Item) -> bool:
    """Whether the model's own text is one command: no markdown, no prose, not cut off."""
    whole = item.finish == Finish.STOP and item.command is not None
    return whole and item.raw.strip() == item.command


def _totals(items: Sequence[Item]) -> dict[str, Measure]:
    asked = [item for item in items if item.references]
    if not asked:
        return {}
    first = [item.references[0] for item in asked]
    totals: dict[str, Measure] = {"bleu": _bleu(asked)}
    judged = [valid for text in first if (valid := are_options_known(text)) is not None]
    if judged:
        totals["reference_option_valid"] = Rate.of(judged)
    return totals


def _totals_by_stratum(items: Sequence[Item]) -> dict[str, dict[str, Measure]]:
    strata: dict[str, list[Item]] = {}
    for item in items:
        if item.references:
            strata.setdefault(item.stratum, []).append(item)
    return {name: {"bleu": _bleu(own)} for name, own in sorted(strata.items())}


def _bleu(items: Sequence[Item]) -> Measure:
    return command_bleu([(item.command or "", item.references) for item in items])
