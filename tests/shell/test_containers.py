"""A command in a container is judged by what it reaches: the host behind a volume, or nothing."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("docker run -v /var/spool/cron:/c alpine sh -c 'echo x > /c/crontabs/root'", "CT-PER-001"),
        ("docker run -v /home/u:/h alpine rm -rf /h", "CT-DEL-002"),
        ("docker run --rm -v \"$HOME:/h\" alpine sh -c 'rm -rf /h/*'", "CT-DEL-002"),
        ("kubectl debug node/n -it --image=a -- rm -rf /host/etc", "CT-DEL-001"),
    ],
)
def test_a_path_below_a_volume_is_the_hosts(command, rule):
    assert rule in {reason.rule_id for reason in check(command).reasons}


@pytest.mark.parametrize(
    "command",
    [
        "docker run --rm alpine rm -rf /etc",
        "docker run --rm -v data:/data alpine ls /data",
        "docker exec web ls /etc",
    ],
)
def test_what_stays_in_a_container_that_is_thrown_away_is_safe(command):
    assert check(command).level == "safe"
