"""What is told to machines that look after the service."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli_tuner import __version__
from cli_tuner.backends.scripted import ScriptedBackend
from cli_tuner.errors import BackendUnreachable
from cli_tuner.service.engine import Probe, State, Watch
from cli_tuner.service.metrics import Metrics
from cli_tuner.service.schemas import HealthAnswer, ReadyAnswer


def numbers(running):
    """Every sample of /metrics: (name, labels as a set) -> value."""
    text = running.client.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_says_what_runs(serving):
    answered = serving().client.get("/health")
    HealthAnswer.model_validate_json(answered.content)
    document = answered.json()
    assert (document["status"], document["version"]) == ("ok", __version__)
    assert document["model_version"] == "scripted"
    assert document["uptime_s"] > 0


def test_ready_names_every_part(serving):
    answered = serving().client.get("/ready")
    ReadyAnswer.model_validate_json(answered.content)
    assert answered.status_code == 200
    assert set(answered.json()["parts"]) == {
        "engine", "guard", "policy", "journal", "keys", "queue",
    }  # fmt: skip


def test_a_part_that_is_not_ready_is_named(serving, paths):
    running = serving()
    running.post("/v1/generate", query="list all files")
    (paths.config).mkdir(parents=True, exist_ok=True)
    (paths.config / "policy.toml").write_text("nonsense = 1\n")
    (paths.state / "journal.key").chmod(0o644)
    answered = running.client.get("/ready")
    assert answered.status_code == 503
    wrong = {name for name, well in answered.json()["parts"].items() if not well}
    assert "policy" in wrong


def test_what_the_journal_gets_is_what_is_counted(serving):
    running = serving(["ls -la", "rm -rf /etc", "sudo apt-get install jq"])
    for _ in range(3):
        running.post("/v1/generate", query="do something")
    running.post("/v1/check", command="rm -rf /")
    found = numbers(running)
    assert found["cli_tuner_answers_total", frozenset({"command"})] == 2
    assert found["cli_tuner_answers_total", frozenset({"refused"})] == 1
    assert found["cli_tuner_refusals_total", frozenset({"validation", "dangerous"})] == 1
    for level in ("safe", "review", "dangerous"):
        assert found["cli_tuner_verdicts_total", frozenset({level, "generate"})] == 1
    assert found["cli_tuner_verdicts_total", frozenset({"dangerous", "check"})] == 1
    assert found["cli_tuner_rules_fired_total", frozenset({"CT-DEL-001", "check"})] == 1
    assert found["cli_tuner_confidence_ratio_count", frozenset()] == 3
    assert found["cli_tuner_boundary_duration_seconds_count", frozenset({"validation"})] == 3
    assert found["cli_tuner_engine_up", frozenset()] == 1
    assert found["process_resident_memory_bytes", frozenset()] > 1e6


def test_the_first_report_is_an_increase(serving):
    """Prometheus cannot tell a series that appears with 1 from one that always was 1."""
    said = serving().client.get("/metrics").text
    for series in (
        'cli_tuner_feedback_total{kind="unsafe"}',
        'cli_tuner_turned_away_total{why="busy"}',
        'cli_tuner_verdicts_total{level="dangerous",source="generate"}',
        'cli_tuner_answers_total{outcome="refused"}',
    ):
        assert f"{series} 0.0" in said


def test_callers_cannot_grow_the_labels(serving):
    running = serving()
    for number in range(50):
        running.client.get(f"/nowhere/{number}")
        running.client.request(f"METHOD{number}", "/health")
    rows = [key for key in numbers(running) if key[0] == "cli_tuner_http_requests_total"]
    assert len(rows) < 6


class Dying(Probe):
    """An engine that is another process each time, and sometimes none."""

    def __init__(self):
        super().__init__(ScriptedBackend(["ls"]))
        self.fails = False

    def state(self, metrics):
        if self.fails:
            raise BackendUnreachable("nobody answers")
        return State(True, "well", self.backend.identity)


def test_a_watch_notices_that_the_engine_is_gone_and_back(capfd):
    probe = Dying()
    watch = Watch(probe, Metrics(), 0.01)
    assert not watch.state.is_up
    watch.start()
    eventually(lambda: watch.state.is_up)
    probe.fails = True
    eventually(lambda: not watch.state.is_up)
    assert watch.state.identity is not None
    probe.fails = False
    eventually(lambda: watch.state.is_up)
    watch.close()
    assert capfd.readouterr().err.count("nobody answers") == 1


def eventually(condition):
    import time

    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/openapi.json"])
def test_looking_after_it_needs_no_body_and_changes_nothing(serving, path):
    running = serving()
    assert running.client.get(path).status_code == 200
    assert running.client.post(path, json={}).status_code == 405
