"""Traces: a span for every request and boundary, and never a word of what was asked or answered."""

import json
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cli_tuner.backends.http import HttpBackend
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import BackendUnreachable, ConfigError, ExtraMissing
from cli_tuner.service.fleet import Fleet
from cli_tuner.service.opentelemetry import Traced, from_environment
from cli_tuner.service.tracing import Tracing, tracing_of
from cli_tuner.settings import Settings

QUERY = "list the secret-project files of alice"
BOUNDARIES = ["ingress", "normalize", "inference", "validation", "egress"]


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def traced(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traced(provider)


@pytest.fixture
def finished(exporter):
    """The spans, once the request's own, which ends last, is there."""

    def wait(count=1):
        deadline = time.monotonic() + 30
        while sum(span.kind is SpanKind.SERVER for span in exporter.get_finished_spans()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return exporter.get_finished_spans()

    return wait


def test_a_request_is_a_span_and_each_boundary_one_below_it(serving, traced, finished):
    running = serving(["ls -la"], tracing=traced)
    answered = running.post("/v1/generate", query=QUERY)
    *crossed, request = finished()
    assert [span.name for span in crossed] == [f"boundary.{name}" for name in BOUNDARIES]
    assert {span.parent.span_id for span in crossed} == {request.context.span_id}
    assert request.name == "POST /v1/generate"
    said = request.attributes
    assert said["http.response.status_code"] == 200
    assert said["http.response.header.x-request-id"] == (answered.headers["x-request-id"],)
    assert said["cli_tuner.answer_id"] == answered.json()["request_id"]
    assert (said["cli_tuner.level"], said["cli_tuner.safety"]) == ("safe", "moderate")
    assert said["gen_ai.usage.output_tokens"] > 0
    for earlier, later in pairwise(crossed):
        assert request.start_time <= earlier.start_time <= earlier.end_time <= later.start_time


@pytest.mark.parametrize("answer", ["cat /home/alice/notes.txt", "rm -rf /etc/alice"])
def test_no_attribute_holds_a_query_a_command_or_a_comment(serving, traced, finished, answer):
    running = serving(
        [answer], tracing=traced, settings=Settings(rate_limit=0, retain_queries=True)
    )
    told = running.post("/v1/generate", query=QUERY).json()
    running.post("/v1/check", command=answer)
    running.post("/v1/explain", command=answer)
    chat = [{"role": "user", "content": QUERY}]
    running.post("/v1/chat/completions", messages=chat)
    report = {"request_id": told["request_id"], "kind": "wrong", "comment": "alice says no"}
    assert running.post("/v1/feedback", **report, correction="ls alice").status_code == 201
    assert running.client.get("/?q=alice").status_code == 200
    everything = "".join(span.to_json() for span in finished(6))
    assert "alice" not in everything
    assert "secret-project" not in everything
    assert "boundary.validation" in everything


def test_a_refusal_is_a_code_and_no_error(serving, traced, finished):
    serving(["rm -rf /etc"], tracing=traced).post("/v1/generate", query=QUERY)
    spans = {span.name: span for span in finished()}
    request = spans["POST /v1/generate"]
    assert request.attributes["cli_tuner.refusal"] == "dangerous"
    assert request.attributes["cli_tuner.refused_at"] == "validation"
    assert "CT-DEL-001" in request.attributes["cli_tuner.rules"]
    assert spans["boundary.validation"].attributes["cli_tuner.refusal"] == "dangerous"
    assert {span.status.status_code for span in spans.values()} == {StatusCode.UNSET}


def test_an_engine_that_fails_is_an_error_without_its_message(serving, traced, finished):
    class Gone(ScriptedBackend):
        def complete(self, *_):
            raise BackendUnreachable("alice's machine is gone")

    answered = serving(backend=Gone([]), tracing=traced).post("/v1/generate", query=QUERY)
    spans = {span.name: span for span in finished()}
    assert spans["boundary.inference"].attributes["error.type"] == "BackendUnreachable"
    request = spans["POST /v1/generate"]
    assert request.attributes["http.response.status_code"] == answered.status_code >= 500
    assert request.status.status_code is StatusCode.ERROR
    assert all(not span.events and "alice" not in span.to_json() for span in spans.values())


def test_machines_that_look_after_it_leave_no_spans(serving, traced, finished):
    running = serving(tracing=traced)
    for path in ("/health", "/ready", "/metrics", "/openapi.json"):
        running.client.get(path)
    running.client.get("/nowhere/alice")
    (only,) = finished()
    assert (only.name, only.attributes["http.response.status_code"]) == ("GET other", 404)


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_comes_from_the_caller_and_goes_on_to_the_endpoint(serving, traced, finished):
    behind = serving(["ls -la"])
    heard = []

    def hear(request):
        traced.on_request(request)
        heard.append(request.headers.get("traceparent", ""))

    fleet = Fleet([HttpBackend(f"{behind.url}/v1", on_request=hear)])
    front = serving(backend=fleet, tracing=traced)
    front.client.post("/v1/generate", json={"query": QUERY}, headers={"traceparent": PARENT})
    spans = {span.name: span for span in finished()}
    assert f"{spans['POST /v1/generate'].parent.span_id:016x}" == PARENT.split("-")[2]
    inference = spans["boundary.inference"].context
    wanted = f"00-{PARENT.split('-')[1]}-{inference.span_id:016x}-01"
    assert wanted in heard


def test_requests_at_the_same_time_do_not_mix(serving, traced, finished):
    running = serving(["ls -la"], tracing=traced, workers=4)
    threads = [
        threading.Thread(target=running.post, args=("/v1/generate",), kwargs={"query": QUERY})
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = finished(8)
    below = {}
    for span in spans:
        if span.parent:
            below.setdefault(span.parent.span_id, []).append(span.attributes["cli_tuner.boundary"])
    assert list(below.values()) == [BOUNDARIES] * 8


def test_without_it_nothing_of_opentelemetry_is_loaded():
    code = (
        "import sys, cli_tuner.service.server, cli_tuner.cli.serve;"
        "from cli_tuner.service.tracing import tracing_of; tracing_of(False);"
        # FastAPI imports the interface, which does nothing by itself.
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'cli_tuner.service.openteleme');"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ExtraMissing) as said:
        tracing_of(True)
    assert "cli-tuner[otel]" in said.value.hint
    assert type(tracing_of(False)) is Tracing


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
)
def test_what_cannot_be_followed_is_said(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable):
        from_environment()


class Collector(HTTPServer):
    """Takes OTLP over HTTP, and keeps what it was sent."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.got.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []


@pytest.fixture
def collector():
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_program_sends_otlp_where_the_variables_say(serving, collector, tmp_path):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    behind = serving(["ls -la"])
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=ops",
        "OTEL_SERVICE_NAME": "shell",
    }
    with program(tmp_path, behind, **variables) as url:
        ask(url)
    path, headers, _ = collector.got[0]
    assert path == "/v1/traces"
    assert headers.get("x-tenant") == "ops"
    sent = ExportTraceServiceRequest()
    for _, _, body in collector.got:
        sent.MergeFromString(body)
    resource = sent.resource_spans[0].resource.attributes
    assert {one.key: one.value.string_value for one in resource}["service.name"] == "shell"
    names = {
        span.name
        for one in sent.resource_spans
        for scope in one.scope_spans
        for span in scope.spans
    }
    assert {"POST /v1/generate", *(f"boundary.{name}" for name in BOUNDARIES)} <= names
    assert b"secret-project" not in b"".join(body for _, _, body in collector.got)


def test_without_the_option_nothing_is_sent_whatever_the_variables_say(
    serving, collector, tmp_path
):
    behind = serving(["ls -la"])
    variables = {
        "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
    }
    with program(tmp_path, behind, traces=False, **variables) as url:
        ask(url)
    assert collector.got == []


def test_a_collector_that_is_gone_costs_no_request_and_no_long_end(serving, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()[1]
    behind = serving(["ls -la"])
    began = time.monotonic()
    with program(tmp_path, behind, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{nobody}",
                 OTEL_BSP_SCHEDULE_DELAY="50", OTEL_EXPORTER_OTLP_TIMEOUT="2") as url:  # fmt: skip
        assert [ask(url)["command"] for _ in range(3)] == ["ls -la"] * 3
    assert time.monotonic() - began < 30


class program:  # noqa: N801  used as a function
    """`cli-tuner serve --traces` in front of a service; its URL. Ends it with SIGTERM."""

    def __init__(self, home, behind, *, traces=True, **variables):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli_tuner", "serve", "--port", "0", "--quiet",
             "--backend", f"{behind.url}/v1", *(["--traces"] if traces else [])],
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), "CLI_TUNER_HOME": str(home / "own"),
                 **variables},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self):
        return self.process.stderr.readline().split()[-1]

    def __exit__(self, *_):
        self.process.terminate()
        said = self.process.communicate(timeout=60)[1]
        assert self.process.returncode == 0, said
        assert "Traceback" not in said, said


def ask(url):
    import httpx

    deadline = time.monotonic() + 30
    while True:
        answered = httpx.post(f"{url}/v1/generate", json={"query": QUERY}, timeout=30)
        if answered.status_code == 200 or time.monotonic() > deadline:
            return json.loads(answered.text)
        time.sleep(0.1)
