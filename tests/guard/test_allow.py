"""An allow covers what the text decides, on this machine, below the path, and nothing else."""

from __future__ import annotations

import pytest

from cli_tuner.guard.allow import covers
from cli_tuner.shell import effects_of


def covered(command: str, pattern: str, cwd: str = "") -> bool:
    """Whether there are effects on paths, and all of them are covered."""
    effects = [e for e in effects_of(command) if any(a.startswith("at:") for a in e.attributes)]
    return bool(effects) and all(covers(pattern, effect, cwd) for effect in effects)


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        ("rm -rf /srv/scratch/a", "/srv/scratch/**"),
        ("rm -rf /srv/scratch/a/b/c", "/srv/scratch/**"),
        ("rm -rf /srv/scratch/*", "/srv/scratch/**"),
        ("cd /srv/scratch && rm -rf a", "/srv/scratch/**"),
        ("rm -rf /srv/other/../scratch/a", "/srv/scratch/**"),
        ("sudo rm -rf /srv/scratch/a", "/srv/scratch/**"),
        ("rm -rf /srv/scratch", "/srv/scratch"),
        ("rm -rf /srv/x/cache", "/srv/*/cache"),
        ("rm -rf /srv/x/cache/a/b", "/srv/*/cache/**"),
        ("rm -rf ~/scratch/a", "{home}/scratch/**"),
    ],
)
def test_what_lies_below_is_covered(command, pattern, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert covered(command, pattern.format(home=tmp_path))


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /srv/scratch",
        "rm -rf /srv/scratch2/a",
        "rm -rf /srv/scratch/../a",
        "rm -rf /srv/scratch/$X",
        'rm -rf "/srv/scratch/$(date)"',
        "rm -rf /srv/scratch/*/a",
        "chmod -R 777 /srv/scratch/.*",
        "chmod -R 777 /srv/scratch/.?",
        "rm -rf /srv/*",
        "rm -rf /srv/scratc?/a",
        "cd $X; rm -rf srv/scratch/a",
        "rm -rf scratch/a",
        "ssh host rm -rf /srv/scratch/a",
        "docker exec web rm -rf /srv/scratch/a",
        "chroot /mnt/x rm -rf /srv/scratch/a",
        "rm -rf /srv/scratch/" + "a" * 300,
        "rm -rf /srv/scratch/a /etc/b",
    ],
)
def test_what_does_not_surely_lie_below_is_not(command):
    assert not covered(command, "/srv/scratch/**")


def test_a_relative_target_is_below_the_current_folder(tmp_path):
    assert covered("rm -rf build/a", f"{tmp_path}/build/**", str(tmp_path))
    assert not covered("rm -rf build/a", f"{tmp_path}/build/**")
    assert not covered("rm -rf ../build/a", f"{tmp_path}/build/**", str(tmp_path))
    assert not covered("sudo rm -rf build/a", f"{tmp_path}/build/**", str(tmp_path))


def test_what_is_no_path_is_never_covered():
    package = effects_of("apt remove libc6")[0]
    assert not covers("/srv/**", package, "/srv/a")


def test_a_link_out_of_the_folder_is_not_covered(tmp_path):
    inside = tmp_path / "scratch"
    inside.mkdir()
    (inside / "out").symlink_to("/etc")
    pattern = f"{inside}/**"
    assert covered(f"rm -rf {inside}/in/a", pattern)
    for target in ("out", "out/passwd", "out/*"):
        assert not covered(f"rm -rf {inside}/{target}", pattern)


def test_the_allowed_folder_may_be_a_link_itself(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert covered(f"rm -rf {tmp_path}/link/a", f"{tmp_path}/link/**")
