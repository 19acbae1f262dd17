"""The web page, as a browser without scripts uses it."""

import re
from html.parser import HTMLParser

import pytest

from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import BackendUnreachable
from cli_tuner.records import FeedbackRecord
from cli_tuner.service.keys import KeyStore

VOID = {"meta", "link", "input", "br", "line", "rect", "circle", "path"}


class Outline(HTMLParser):
    """Whether every element is closed, every field has a label and every id is there once."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.labelled, self.fields, self.scripts = [], [], set(), set(), 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "label" and "for" in found:
            self.labelled.add(found["for"])
        if tag in ("input", "textarea") and found.get("type") not in (
            "hidden",
            "radio",
            "checkbox",
        ):
            self.fields.add(found["id"])
        self.scripts += tag == "script" or any(name.startswith("on") for name in found)
        assert "style" not in found

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page(answered, status=200):
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"].startswith("text/html")
    outline = Outline(answered.text)
    assert outline.fields <= outline.labelled
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.scripts == 0
    assert "<h1>" in answered.text
    return answered.text


def test_a_question_is_answered_on_the_page(serving):
    running = serving(["ls -la"])
    assert "What should the command do?" in page(running.client.get("/"))
    text = page(running.client.post("/", data={"query": "list <b>all</b> files"}))
    assert "<code>ls -la</code>" in text
    assert '<span class="badge safe">safe</span>' in text
    assert "list &lt;b&gt;all&lt;/b&gt; files" in text


def test_a_blocked_command_is_not_on_the_page(serving):
    text = page(serving(["rm -rf /etc"]).client.post("/", data={"query": "clean up"}))
    assert "refused" in text
    assert "CT-DEL-001" in text
    assert "rm -rf" not in text


def test_strict_on_the_page_is_strict(serving):
    running = serving(["sudo apt-get install jq"])
    form = {"query": "install jq"}
    assert "<code>sudo apt-get install jq</code>" in page(running.client.post("/", data=form))
    strict = page(running.client.post("/", data={**form, "safety": "strict"}))
    assert "<code>sudo" not in strict
    assert "checked" in strict


def test_a_command_is_judged_and_shown_harmless(serving):
    command = "echo '<script>alert(1)</script>' \u202e; rm -rf /"
    text = page(serving().client.post("/", data={"command": command}))
    assert "<script>" not in text
    assert "\\u{202e}" in text
    assert "dangerous" in text


def test_a_report_from_the_page_is_kept(serving):
    running = serving()
    answer = running.client.post("/", data={"query": "list all files"}).text
    request_id = re.search(r'name="request_id" value="(\w+)"', answer)[1]
    form = {"request_id": request_id, "kind": "wrong", "comment": "", "correction": "ls"}
    assert "Thank you" in page(running.client.post("/report", data=form))
    (kept,) = running.service.journal.entries(FeedbackRecord, 9)
    assert (kept.kind, kept.correction) == ("wrong", "ls")
    page(running.client.post("/report", data={**form, "request_id": "0" * 26}), 404)
    page(running.client.post("/report", data={**form, "kind": "nice"}), 422)


@pytest.mark.parametrize(
    ("form", "status"),
    [({"query": "x"}, 422), ({"query": ""}, 422), ({"command": "x" * 70_000}, 422)],
)
def test_what_cannot_be_answered_is_said_on_the_page(serving, form, status):
    assert 'role="alert"' in page(serving().client.post("/", data=form), status)


def test_an_engine_that_is_gone_is_said_on_the_page(serving):
    running = serving(backend=ScriptedBackend(["ls"], error=BackendUnreachable("gone /secret")))
    text = page(running.client.post("/", data={"query": "list all files"}), 503)
    assert "cannot be reached" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"query=list", "text/plain"),
        (b"\xff=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(99)), "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(serving, body, kind):
    answered = serving().client.post("/", content=body, headers={"Content-Type": kind})
    assert answered.status_code in (415, 422)


def test_a_form_on_another_site_is_refused(serving):
    running = serving()
    for origin in ("https://evil.org", "null"):
        answered = running.client.post("/", data={"query": "ls"}, headers={"Origin": origin})
        assert answered.status_code == 403


def test_the_monitor_shows_what_happened(serving):
    running = serving(["ls -la", "rm -rf /"])
    assert "Nothing yet" in page(running.client.get("/monitor"))
    for _ in range(2):
        running.post("/v1/generate", query="do something")
    text = page(running.client.get("/monitor"))
    assert "CT-DEL-001, generate" in text
    assert text.count("<svg") == 2


def test_with_keys_a_browser_logs_in_and_out(serving, paths):
    running = serving()
    _, text = KeyStore(paths).create("alice", ("generate", "check", "feedback"))
    browser = running.client
    sent = browser.get("/")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    page(browser.get("/login"))
    assert "no valid API key" in page(browser.post("/login", data={"key": "ctk_wrong"}), 401)
    entered = browser.post("/login", data={"key": text})
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert text not in cookie
    assert "<code>ls -la</code>" in page(browser.post("/", data={"query": "list all files"}))
    assert browser.get("/monitor").status_code == 403
    assert "dangerous" in page(browser.post("/", data={"command": "rm -rf /"}))
    browser.post("/logout")
    assert browser.get("/").status_code == 303


def test_a_revoked_key_ends_its_sessions(serving, paths):
    running = serving()
    key, text = KeyStore(paths).create("alice", ("generate",))
    running.client.post("/login", data={"key": text})
    assert running.client.get("/").status_code == 200
    assert "lacks the scope" in page(running.client.post("/", data={"command": "ls"}), 403)
    KeyStore(paths).revoke(key.id)
    assert running.client.get("/").status_code == 303


def test_the_style_sheet_has_both_schemes(serving):
    answered = serving().client.get("/style.css")
    assert answered.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answered.text
