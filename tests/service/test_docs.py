"""What docs/SERVICE.md shows is what the service answers."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "SERVICE.md").read_text("utf-8")
ANSWERS = {
    "list all files with their sizes": "ls -la",
    "remove the folder etc": "rm -rf /etc",
}
SHOWN_URL = "http://127.0.0.1:8080"


def examples():
    """(command line, what it prints) of every `$ curl` line."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = part.partition("\n")
            found.append((line, output.strip()))
    return found


def contains(whole, part):
    """Whether everything in `part` is in `whole`, at the same place."""
    if isinstance(part, dict):
        return all(name in whole and contains(whole[name], one) for name, one in part.items())
    if isinstance(part, list):
        return len(whole) >= len(part) and all(map(contains, whole, part))
    return whole == part


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples use curl")
@pytest.mark.parametrize(("line", "output"), examples())
def test_the_service_answers_what_the_page_shows(serving, line, output):
    running = serving(ANSWERS)
    ran = subprocess.run(
        ["bash", "-c", line.replace(SHOWN_URL, running.url)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    if output.startswith("{"):
        assert contains(json.loads(ran.stdout), json.loads(output)), ran.stdout
    else:
        assert output in ran.stdout


def test_every_route_and_metric_is_on_the_page(serving):
    running = serving(ANSWERS)
    for path in running.client.get("/openapi.json").json()["paths"]:
        assert path in PAGE, path
    metrics = running.client.get("/metrics").text
    for name in set(re.findall(r"^# TYPE (cli_tuner_\w+)", metrics, re.M)):
        assert name.removesuffix("_created") in PAGE, name
