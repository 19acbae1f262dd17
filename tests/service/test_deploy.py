"""What lies in deploy/: read, and held against what the program has."""

import json
import re
from pathlib import Path

import pytest
import yaml

from cli_tuner.cli.parser import build_parser
from cli_tuner.service.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OWN = ("queue_length", "in_flight", "engine_up", "uptime_seconds")
PROCESS = {"up", "process_resident_memory_bytes"}


def known_metrics():
    """Every series that a service has, also before anything was counted."""
    metrics = Metrics()
    for name in OWN:
        metrics.gauge(name, "", float)
    names = set()
    for family in metrics.registry.collect():
        suffixes = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_count", "_sum"),
        }.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names | PROCESS


def expressions():
    alerts = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    for group in alerts["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_alerts_and_panels_name_metrics_that_there_are(where, expression):
    named = set(re.findall(r"\b(?:cli_tuner|process)_\w+|\bup\b", expression))
    assert named
    assert named <= known_metrics(), where


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_manifest_is_yaml(path):
    assert all(isinstance(one, dict) for one in yaml.safe_load_all(path.read_text()))


def manifests():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes/cli-tuner.yaml").read_text()))


@pytest.mark.parametrize("kind", ["Job", "Deployment"])
def test_no_pod_may_more_than_it_needs(kind):
    (found,) = [one for one in manifests() if one["kind"] == kind]
    pod = found["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        build_parser().parse_args(container["args"])


def test_probes_ask_routes_that_there_are_and_time_is_left_to_finish(serving):
    running = serving()
    (found,) = [one for one in manifests() if one["kind"] == "Deployment"]
    pod = found["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        path = container[probe]["httpGet"]["path"]
        assert running.client.get(path).status_code == 200
    assert pod["terminationGracePeriodSeconds"] > running.service.config.grace_s


def test_the_services_of_the_compose_file_may_not_more_than_they_need():
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in document["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists()
            else:
                assert source in document["volumes"]
    assert document["services"]["service"]["read_only"]


def test_the_image_is_made_of_files_that_are_there_and_runs_as_nobody():
    text = (DEPLOY / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    assert re.findall(r"^USER (\S+)$", text, re.M) == ["10001:10001"]
    assert text.index("USER 10001") < text.index("ENTRYPOINT")
    command = json.loads(re.search(r"^CMD (\[.*\])$", text, re.M)[1])
    build_parser().parse_args(command)


@pytest.mark.parametrize(
    "path", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name
)
def test_units_start_commands_that_there_are(path):
    started = re.findall(r"^ExecStart=\S+/cli-tuner (.*)$", path.read_text(), re.M)
    assert started
    for line in started:
        build_parser().parse_args(line.split())
