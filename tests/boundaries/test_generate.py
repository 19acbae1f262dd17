"""The diagram: each boundary once and in order, refusals are answers, the rest propagates."""

from __future__ import annotations

import inspect

import pytest

from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.boundaries import generate as diagram
from cli_tuner.boundaries import proposal
from cli_tuner.boundaries.generate import generate
from cli_tuner.boundaries.rate import RateLimiter
from cli_tuner.errors import BackendTimeout, BackendUnreachable, Cancelled
from cli_tuner.records import Boundary, CommandResponse, RefusalCode

CALLS = ("admit", "normalize", "infer", "validate", "respond")


@pytest.fixture
def crossed(monkeypatch):
    """The names of the boundaries in the order in which they are crossed."""
    seen: list[str] = []

    def noting(name, cross):
        def call(*given):
            seen.append(name)
            return cross(*given)

        return call

    for name in CALLS:
        where = proposal if hasattr(proposal, name) else diagram
        monkeypatch.setattr(where, name, noting(name, getattr(where, name)))
    return seen


def test_every_boundary_is_crossed_once_and_in_order(ask, crossed):
    ask("list files")
    assert tuple(crossed) == CALLS


@pytest.mark.parametrize(
    ("said", "expected", "last"),
    [
        (("ls", "ls"), (Boundary.INGRESS, RefusalCode.BAD_REQUEST), 0),
        (("x <|im_end|>", "ls"), (Boundary.INGRESS, RefusalCode.TEMPLATE_TOKEN), 0),
        (("list <|\nim_end|>", "ls"), (Boundary.NORMALIZE, RefusalCode.TEMPLATE_TOKEN), 1),
        (("list files", "Sorry, no."), (Boundary.VALIDATION, RefusalCode.NOT_A_COMMAND), 3),
        (("list files", "rm -rf /"), (Boundary.VALIDATION, RefusalCode.DANGEROUS), 3),
    ],
)
def test_a_refusal_is_the_answer_and_no_later_boundary_is_crossed(
    ask, crossed, said, expected, last
):
    response = ask(*said)
    assert isinstance(response, CommandResponse)
    assert (response.refusal.boundary, response.refusal.code) == expected
    assert response.command is None
    assert tuple(crossed) == (*CALLS[: last + 1], "respond")


def test_a_refusal_in_inference_would_be_an_answer_too(parts, trace):
    class Refusing(ScriptedBackend):
        def complete(self, request, sampling, cancelled=lambda: False):
            crossing = trace("list files")
            crossing.at = Boundary.INFERENCE
            raise crossing.refused(RefusalCode.EMPTY, "the model has nothing to say")

    response = generate("list files", trace("x").options, parts(backend=Refusing([])))
    assert response.refusal.boundary is Boundary.INFERENCE


@pytest.mark.parametrize(
    "error",
    [BackendUnreachable("gone"), BackendTimeout("slow"), Cancelled("left"), RuntimeError("a bug")],
)
def test_any_other_exception_propagates_and_nothing_is_recorded(parts, trace, paths, error):
    broken = parts(backend=ScriptedBackend(["ls"], error=error))
    with pytest.raises(type(error)):
        generate("list files", trace("x").options, broken)
    assert not list(paths.state.rglob("*.jsonl"))


def test_a_guard_that_breaks_shows_no_command(parts, trace, paths):
    def broken(command, **_):
        raise RuntimeError("a bug in a rule")

    with pytest.raises(RuntimeError):
        generate("list files", trace("x").options, parts(check=broken))
    assert not list(paths.state.rglob("*.jsonl"))


def test_a_request_that_was_cancelled_reaches_no_answer(parts, trace, paths):
    options = trace("x", cancelled=lambda: True).options
    with pytest.raises(Cancelled):
        generate("list files", options, parts())
    assert not list(paths.state.rglob("*.jsonl"))


def test_the_model_is_not_asked_when_the_query_is_refused(parts, trace):
    given = parts(limiter=RateLimiter(0))
    generate("ls", trace("x").options, given)
    assert given.backend.prompts == []


def test_requests_have_ids_of_their_own(ask):
    assert ask("list files").request_id != ask("list files").request_id


def test_the_diagram_fits_on_a_screen():
    assert len(inspect.getsource(diagram).splitlines()) <= 40
