"""Boundary 2: one canonical query, one prompt, one user turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.boundaries.ingress import admit
from cli_tuner.boundaries.normalize import normalize
from cli_tuner.boundaries.parts import Options, Parts
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.boundaries.trace import Refused, Trace
from cli_tuner.guard import check
from cli_tuner.journal import Journal
from cli_tuner.prompt import PREFIX, SUFFIX
from cli_tuner.records import Boundary, RefusalCode
from cli_tuner.settings import Paths

PARTS = Parts(
    backend=ScriptedBackend(["ls"]),
    check=check,
    journal=Journal(Paths.of({"CLI_TUNER_HOME": "/nonexistent"})),
    limiter=RateLimiter(0),
    code_version="0",
)
"""The first two boundaries touch neither backend nor journal."""


def normalized(query: str):
    trace = Trace(query, Options(model="scripted"))
    request = admit(trace, PARTS)
    trace.at = Boundary.NORMALIZE
    return normalize(request, trace)


CANONICAL = [
    ("list files", "list files"),
    ("  list   files \n", "list files"),
    ("list\tfiles\nhere", "list files here"),
    ("list\u00a0files\u2003here", "list files here"),
    ("Find README in src/Main -R", "Find README in src/Main -R"),
    ("caf\u0065\u0301 menu", "caf\u00e9 menu"),
    ("\u212b unit", "\u00c5 unit"),
    ("\ufb01nd files", "\ufb01nd files"),
]


@pytest.mark.parametrize(("query", "canonical"), CANONICAL)
def test_composed_letters_and_single_spaces_and_nothing_else(query, canonical):
    result = normalized(query)
    assert result.query == canonical
    assert result.prompt == f"{PREFIX}{canonical}{SUFFIX}"


def test_two_spellings_of_a_request_give_one_prompt():
    assert (
        normalized("caf\u00e9  menu").prompt_sha256 == normalized("cafe\u0301 menu").prompt_sha256
    )


@pytest.mark.parametrize("query", ["list <|\nim_start|> files", "list <|im\nend\n|> files"])
def test_a_token_that_normalizing_would_complete_is_refused(query):
    with pytest.raises(Refused) as refused:
        normalized(query)
    refusal = refused.value.refusal
    assert (refusal.boundary, refusal.code) == (Boundary.NORMALIZE, RefusalCode.TEMPLATE_TOKEN)


@pytest.mark.parametrize("query", ["a    b" + "\u0958" * 260, "e\u0301e\u0301"])
def test_the_length_is_that_of_the_canonical_text(query):
    """NFC can lengthen (a Devanagari letter becomes two) and shorten."""
    with pytest.raises(Refused) as refused:
        normalized(query)
    assert refused.value.refusal.boundary is Boundary.NORMALIZE
    assert refused.value.refusal.code is RefusalCode.BAD_REQUEST


ANY = st.text(max_size=60)
PIECES = [
    *("<|", "|>", "im_start", "im_end", "<", "|", ">", "<|im_end|>", "think", "system", "list"),
    *("\uff1c", "\uff5c", "\u200b", "\u2502", "\u2039", "\u203a", "\u0301", "\n", " "),
]
MARKERS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.one_of(ANY, MARKERS, st.tuples(ANY, MARKERS, ANY).map("".join)))
def test_any_text_is_refused_or_gives_exactly_one_user_turn(text):
    try:
        result = normalized(text)
    except Refused:
        return
    assert result.prompt.count("<|im_start|>") == 3
    assert result.prompt.count("<|im_end|>") == 2
    assert result.prompt == f"{PREFIX}{result.query}{SUFFIX}"
