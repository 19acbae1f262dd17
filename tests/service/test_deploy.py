"""What lies in deploy/: linted, and held against what the program has.

hadolint, kubernetes-validate and check-jsonschema bring their rules and schemas with them;
systemd-analyze and promtool are used where they are installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import promql_parser
import pytest
import yaml

from cli_tuner.cli.parser import build_parser
from cli_tuner.service.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OWN = ("queue_length", "in_flight", "engine_up", "uptime_seconds")
PROCESS = {"up", "process_resident_memory_bytes"}
TARGET = {"job", "instance"}
"""Labels that Prometheus itself adds."""
HADOLINT = shutil.which("hadolint", path=Path(sys.executable).parent)
PROMTOOL, SYSTEMD = shutil.which("promtool"), shutil.which("systemd-analyze")
KUBERNETES = ("1.30.0", "1.34.0", "1.37.0")


def ended_well(*command, **options):
    ran = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False, **options
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.skipif(HADOLINT is None, reason="hadolint has wheels for x86-64 Linux alone")
def test_hadolint_finds_nothing_in_the_dockerfile():
    ended_well(HADOLINT, "--failure-threshold", "style", DEPLOY / "Dockerfile")


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_manifests_are_what_kubernetes_takes(version):
    import kubernetes_validate

    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)
    broken = manifests()[2]
    broken["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readOnlyRootFilesystem"):
        kubernetes_validate.validate(broken, version, strict=True)


def test_the_compose_file_is_what_compose_takes():
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    ended_well(*program, DEPLOY / "compose.yaml")


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


def labels():
    """The labels of each series that a service has."""
    metrics = Metrics()
    found = {name: set() for name in known_metrics()}
    for metric in metrics.registry._names_to_collectors.values():
        for name in found:
            if name.removeprefix(getattr(metric, "_name", "?")) in (
                "", "_total", "_bucket", "_count", "_sum",
            ):  # fmt: skip
                bucket = {"le"} if name.endswith("_bucket") else set()
                found[name] = {*metric._labelnames, *bucket}
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_alerts_and_panels_are_promql_over_labels_that_there_are(where, expression):
    parsed = promql_parser.parse(expression)
    have = labels()
    for name, inside in re.findall(r"(\w+)\{([^}]*)\}", parsed.prettify()):
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
        assert used <= have[name] | TARGET, (where, name)
    for inside in re.findall(r"by\s*\(([^)]*)\)", expression):
        (name,) = set(re.findall(r"cli_tuner_\w+", expression[expression.index(inside) :])[:1])
        assert set(re.split(r"\s*,\s*", inside)) <= have[name] | TARGET, where


def alerts():
    (group,) = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"]
    return group["rules"]


def test_every_alert_has_a_name_a_severity_and_a_sentence():
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    for rule in alerts():
        assert re.fullmatch(r"([A-Z][a-z]+)+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")


def test_a_test_makes_every_alert_fire():
    tests = yaml.safe_load((ROOT / "tests/service/alerts.test.yaml").read_text())["tests"]
    made = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert made == {rule["alert"] for rule in alerts()}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool comes with Prometheus")
def test_promtool_takes_the_rules_and_sees_each_alert_fire(tmp_path):
    ended_well(PROMTOOL, "check", "rules", DEPLOY / "prometheus/alerts.yaml")
    ended_well(PROMTOOL, "check", "config", "--syntax-only", DEPLOY / "prometheus/prometheus.yaml")
    shutil.copy(DEPLOY / "prometheus/alerts.yaml", tmp_path)
    shutil.copy(ROOT / "tests/service/alerts.test.yaml", tmp_path)
    assert "SUCCESS" in ended_well(PROMTOOL, "test", "rules", tmp_path / "alerts.test.yaml")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool comes with Prometheus")
def test_promtool_finds_nothing_in_the_metrics_of_a_service_that_worked(serving):
    running = serving(["ls -la"])
    running.post("/v1/generate", query="list all files")
    running.post("/v1/check", command="rm -rf /")
    said = running.client.get("/metrics").text
    own = "\n".join(line for line in said.splitlines() if "cli_tuner_" in line) + "\n"
    ended_well(PROMTOOL, "check", "metrics", input=own)


def dashboard():
    return json.loads((DEPLOY / "grafana/dashboard.json").read_text())


def test_the_dashboard_is_one_that_grafana_can_show():
    board = dashboard()
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning.yaml").read_text())["datasources"]
    assert board["uid"] and board["title"] and board["schemaVersion"] >= 36
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["w"] > 0 and place["h"] > 0 and place["x"] + place["w"] <= 24
        assert panel["title"] and panel["type"] == "timeseries"
        assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for one, other in combinations([panel["gridPos"] for panel in board["panels"]], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_grafana_and_prometheus_are_given_the_files_where_they_look():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    (provider,) = yaml.safe_load((DEPLOY / "grafana/dashboards.yaml").read_text())["providers"]
    targets = {
        volume.split(":")[0]: volume.split(":")[1] for volume in services["grafana"]["volumes"]
    }
    assert targets["./grafana/dashboard.json"].startswith(provider["options"]["path"] + "/")
    assert targets["./grafana/provisioning.yaml"].startswith(
        "/etc/grafana/provisioning/datasources/"
    )
    prometheus = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text())
    (folder,) = [one.split(":")[1] for one in services["prometheus"]["volumes"] if one[0] == "."]
    for path in prometheus["rule_files"]:
        assert (DEPLOY / "prometheus" / Path(path).relative_to(folder)).exists()
    (scraped,) = prometheus["scrape_configs"]
    host, _, port = scraped["static_configs"][0]["targets"][0].partition(":")
    assert host in services
    assert f"EXPOSE {port}\n" in (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / ".gitignore").read_text().split()
    assert f"prometheus/{Path(scraped['authorization']['credentials_file']).name}" in ignored


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
    started = re.findall(r"^ExecStart=\S+/(cli-tuner\S*) ?(.*)$", path.read_text(), re.M)
    assert started
    for program, arguments in started:
        if program == "cli-tuner":
            build_parser().parse_args(arguments.split())
        else:
            assert os.access(DEPLOY / "retrain" / program, os.X_OK)


@pytest.fixture
def units(tmp_path):
    """The units, started from where there is a program."""
    for path in (DEPLOY / "systemd").iterdir():
        there = shutil.which("true")
        text = re.sub(
            r"^(ExecStart=)/opt/\S+/bin/cli-tuner\S*", rf"\1{there}", path.read_text(), flags=re.M
        )
        (tmp_path / path.name).write_text(text)
    return tmp_path


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze comes with systemd")
def test_systemd_takes_the_units(units):
    for path in units.iterdir():
        said = ended_well(SYSTEMD, "verify", path)
        assert not said.strip(), said
    for name, said in {"watch": "Mon *-*-*", "retrain": "*-01,04,07,10-02"}.items():
        (when,) = re.findall(
            r"^OnCalendar=(.*)$", (units / f"cli-tuner-{name}.timer").read_text(), re.M
        )
        assert said in ended_well(SYSTEMD, "calendar", when)


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze comes with systemd")
@pytest.mark.parametrize(
    ("name", "most"), [("cli-tuner", 20), ("cli-tuner-watch", 20), ("cli-tuner-retrain", 32)]
)
def test_systemd_finds_the_services_little_exposed(units, name, most):
    """In tenths. A training makes namespaces for the commands that it evaluates."""
    said = ended_well(
        SYSTEMD, "security", "--offline=true", f"--threshold={most}", "--no-pager",
        units / f"{name}.service",
    )  # fmt: skip
    assert "OK" in said


def test_drift_that_somebody_should_look_at_is_no_failed_unit():
    text = (DEPLOY / "systemd/cli-tuner-watch.service").read_text()
    assert text.index("watch report") < text.index("watch drift")
    assert re.findall(r"^SuccessExitStatus=(.*)$", text, re.M) == ["10"]


def test_the_crontab_does_what_the_timer_does(tmp_path):
    lines = (DEPLOY / "cron/cli-tuner").read_text().splitlines()
    assert dict(re.match(r"(\w+)=(.*)", line).groups() for line in lines if "=/" in line) == {
        "PATH": "/opt/cli-tuner/bin:/usr/bin:/bin",
        "CLI_TUNER_HOME": "/var/lib/cli-tuner",
    }
    entries = [re.match(r"(\S+ \S+ \* \* 1) (cli-tuner) (.*)", line) for line in lines]
    commands = [entry[3] for entry in entries if entry]
    assert len(commands) == 2
    environ = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "CLI_TUNER_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }
    said = [ended_well("/bin/sh", "-c", command, env=environ) for command in commands]
    assert len(list((tmp_path / "reports").glob("report-*.html"))) == 1
    assert "are needed" in said[1] and "train again" not in said[1]
