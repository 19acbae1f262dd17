"""The web page: ask, see the verdict, report. Made here, without a script.

Everything that came from outside is escaped by the templates, and characters that would not be seen
are written out. The content policy allows no script at all.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cli_tuner import __version__
from cli_tuner.boundaries.answer import Answer, sentence
from cli_tuner.boundaries.terminal import visible
from cli_tuner.records import CommandResponse, Effect, Level, Verdict
from cli_tuner.service.access import SESSION_COOKIE, session_in
from cli_tuner.service.api import leaving, visitor_in
from cli_tuner.service.monitor import monitor
from cli_tuner.service.problem import CLIENT_CLOSED, Problem, log_error, problem_of, title_of
from cli_tuner.service.schemas import COMMAND_MAX, FeedbackRequest
from cli_tuner.service.service import Service

KINDS = (
    ("wrong", "It does not do what I asked"),
    ("unsafe", "It is dangerous, and was not called so"),
    ("blocked_wrongly", "It was blocked, and is harmless"),
    ("other", "Something else"),
)
_FIELDS_MAX = 20
_TONES = {Level.SAFE: "safe", Level.REVIEW: "review", Level.DANGEROUS: "blocked"}
_FORM = "application/x-www-form-urlencoded"


class Pages:
    """The pages of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._templates = Environment(
            loader=PackageLoader("cli_tuner.service"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            trim_blocks=True,
        )
        self._style = files("cli_tuner.service").joinpath("style.css").read_bytes()

    async def ask(self, _: Request) -> Response:
        """The empty form."""
        return self._page("ask.html", "/", query="", command="", kinds=KINDS)

    async def answer(self, request: Request) -> Response:
        """What came of one of the two forms."""
        shown: dict[str, Any] = {"query": "", "command": "", "kinds": KINDS}
        status = 200
        try:
            form = await _form(request)
            shown |= {name: form.get(name, "") for name in ("query", "command")}
            shown["strict"] = form.get("safety") == "strict"
            if form.get("command", "").strip():
                self._service.access.let_through(visitor_in(request), "check")
                shown["judged"] = await self._judged(form["command"])
            else:
                shown["answer"] = await self._answered(request, form)
        except Exception as error:  # noqa: BLE001  a page for people, whatever it was
            problem = _told(error)
            status = problem.status_code
            shown["problem"] = {"title": title_of(problem), "detail": problem.detail}
        return self._page("ask.html", "/", status, **shown)

    async def _answered(self, request: Request, form: dict[str, str]) -> dict[str, Any]:
        response = await self._service.generate(
            form.get("query", ""),
            visitor_in(request),
            leaving(request),
            safety="strict" if form.get("safety") == "strict" else None,
            candidates=1,
        )
        return _shown(response)

    async def _judged(self, command: str) -> dict[str, Any]:
        if len(command) > COMMAND_MAX:
            raise Problem(422, "the command is too long to be judged", code="bad_request")
        verdict = await self._service.judge(command, None)
        return {"command": visible(command), "summary": verdict.summary, **_verdict(verdict)}

    async def report(self, request: Request) -> Response:
        """Keep a report."""
        try:
            form = await _form(request)
            given = FeedbackRequest.model_validate(
                {
                    "request_id": form.get("request_id", ""),
                    "kind": form.get("kind", ""),
                    "comment": form.get("comment", ""),
                    "correction": form.get("correction") or None,
                }
            )
            await self._service.report(
                visitor_in(request), given.request_id, given.kind, given.comment, given.correction
            )
        except ValidationError:
            return self._message(422, "This was not kept", "The report was not complete.")
        except Exception as error:  # noqa: BLE001  a page for people, whatever it was
            problem = _told(error)
            return self._message(problem.status_code, "This was not kept", problem.detail)
        return self._message(200, "Thank you", "The report is kept on this machine.")

    async def monitor(self, _: Request) -> Response:
        """The monitoring page."""
        return self._page("monitor.html", "/monitor", **monitor(self._service))

    async def login(self, _: Request) -> Response:
        """The form for the key."""
        return self._page("login.html", "/login")

    async def log_in(self, request: Request) -> Response:
        """Begin a session, if the key is one."""
        text = (await _form(request)).get("key", "").strip()
        if self._service.access.keys.holder(text) is None:
            return self._page("login.html", "/login", 401, wrong=True)
        reply = RedirectResponse("/", 303)
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        reply.set_cookie(
            SESSION_COOKIE,
            self._service.access.sessions.begin(text),
            httponly=True,
            samesite="strict",
            secure=secure,
        )
        return reply

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        session = session_in(request.headers)
        if session:
            self._service.access.sessions.end(session)
        reply = RedirectResponse("/login", 303)
        reply.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
        return reply

    async def style(self, _: Request) -> Response:
        """The style sheet."""
        return Response(
            self._style, media_type="text/css", headers={"Cache-Control": "max-age=300"}
        )

    async def no_icon(self, _: Request) -> Response:
        """Browsers ask; there is none."""
        return Response(status_code=204)

    def _message(self, status: int, heading: str, text: str) -> Response:
        return self._page("message.html", "", status, heading=heading, text=text)

    def _page(self, name: str, here: str, status: int = 200, **shown: Any) -> Response:
        text = self._templates.get_template(name).render(
            here=here,
            model=self._service.model_version,
            version=__version__,
            has_session=self._service.access.needs_key and here != "/login",
            **shown,
        )
        return HTMLResponse(text, status)


def pages_router(service: Service) -> APIRouter:
    """The pages' routes; they are for people, so OpenAPI does not name them."""
    pages = Pages(service)
    router = APIRouter(include_in_schema=False, default_response_class=Response)
    for path, method, page in (
        ("/", "GET", pages.ask),
        ("/", "POST", pages.answer),
        ("/report", "POST", pages.report),
        ("/monitor", "GET", pages.monitor),
        ("/login", "GET", pages.login),
        ("/login", "POST", pages.log_in),
        ("/logout", "POST", pages.log_out),
        ("/style.css", "GET", pages.style),
        ("/favicon.ico", "GET", pages.no_icon),
    ):
        router.add_api_route(path, page, methods=[method], response_model=None)
    return router


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each. Raises Problem 415 or 422 for what is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Problem(415, "this is not a form of the page", code="not_a_form")
    try:
        fields = parse_qs(
            (await request.body()).decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=_FIELDS_MAX,
            errors="strict",
        )
    except ValueError as error:
        raise Problem(422, "this is not a form of the page", code="not_a_form") from error
    return {name: values[-1] for name, values in fields.items()}


def _told(error: Exception) -> Problem:
    problem = problem_of(error)
    if problem.status_code >= 500 or problem.status_code == CLIENT_CLOSED:
        log_error(error)
    return problem


def _shown(response: CommandResponse) -> dict[str, Any]:
    """An answer as the template wants it."""
    answer = Answer.of(response.model_dump(mode="json"))
    blocked = response.command is None
    known = _verdict(response.verdict) if response.verdict else {"tone": "blocked"}
    return {
        **known,
        **({"word": "refused", "tone": "blocked"} if blocked else {}),
        "command": response.command,
        "summary": visible(answer.refusal if blocked and answer.refusal else answer.summary),
        # A rule's advice is shown beside the rule already.
        "hint": visible(answer.hint) if answer.hint and not response.verdict else None,
        "confidence": f"{answer.confidence:.0%}" if answer.confidence is not None else None,
        "seconds": f"{answer.seconds:.1f}",
        "request_id": response.request_id,
        "short_id": answer.short_id,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "word": verdict.level.value,
        "tone": _TONES[verdict.level],
        "reasons": [
            {
                "rule_id": reason.rule_id,
                "message": visible(reason.message),
                "why": visible(reason.why),
                "instead": visible(reason.instead) if reason.instead else None,
            }
            for reason in verdict.reasons
        ],
        "effects": [_said(effect) for effect in verdict.effects],
    }


def _said(effect: Effect) -> str:
    """An effect in words, without the labels that only rules need, such as "is:blank"."""
    row = effect.as_json()
    row["attributes"] = [one for one in row["attributes"] if not one.startswith("is:")]
    return visible(sentence(row))
