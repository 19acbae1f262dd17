"""Where a command would run: the same text is more in a home folder, in / or in a system folder."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check
from cli_tuner.records.verdict import Level
from cli_tuner.shell.paths import IN_HOME, IN_ROOT, PROJECT, start_of

EVERYTHING = (
    "rm -rf *",
    "rm -rf ./*",
    "rm -rf .",
    "find . -delete",
    "ls | xargs rm -rf",
    "shred -u *",
    "mv * /dev/null",
    'rm -rf "$PWD"',
    "git clean -fdx",
    "chmod -R 777 .",
)
NOBODYS = (
    "/",
    "/root",
    "/home/alice",
    "/Users/alice",
    "/etc",
    "/usr/lib",
    "/boot",
    "/var/lib/mysql",
)
PROJECTS = ("/home/alice/src", "/workspace", "/app", "/usr/src/app", "/srv/www/site", "/tmp")


@pytest.mark.parametrize("folder", NOBODYS)
@pytest.mark.parametrize("command", EVERYTHING)
def test_deleting_all_of_a_folder_that_is_no_project_is_dangerous(command, folder):
    assert check(command, folder=folder).level is Level.DANGEROUS


@pytest.mark.parametrize("folder", ["", *PROJECTS])
@pytest.mark.parametrize("command", [c for c in EVERYTHING if "/dev/null" not in c])
def test_a_project_is_asked_about_as_if_the_folder_were_unknown(command, folder):
    assert check(command, folder=folder).level is Level.REVIEW


@pytest.mark.parametrize("folder", ["/", "/home/alice"])
@pytest.mark.parametrize(
    "command", ["rm -rf build", "rm x.txt", "ls -la", "echo x > notes.txt", "tar czf a.tgz src"]
)
def test_named_things_in_a_home_folder_are_still_the_users_own(command, folder):
    assert check(command, folder=folder).level is Level.SAFE


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("rm -rf .ssh", "/home/alice"),
        ("cat .ssh/id_rsa", "/home/alice"),
        ("rm -rf etc", "/"),
        ("chmod -R 777 usr", "/"),
        ("rm -rf systemd", "/etc"),
        ("rm -rf ..", "/etc"),
        ("> passwd", "/etc"),
        ("cd .. && rm -rf *", "/home/alice"),
    ],
)
def test_what_the_folder_makes_of_a_relative_name(command, folder):
    assert check(command).level is not Level.DANGEROUS or ".." in command
    assert check(command, folder=folder).level is Level.DANGEROUS


def test_a_command_that_goes_elsewhere_first_is_judged_there():
    assert check("cd src && rm -rf build", folder="/home/alice").level is Level.SAFE
    assert check("cd /tmp/x && rm -rf *", folder="/").level is not Level.DANGEROUS


def test_the_users_own_home_is_one_wherever_it_is(monkeypatch):
    monkeypatch.setenv("HOME", "/data/people/alice")
    assert check("rm -rf *", folder="/data/people/alice").level is Level.DANGEROUS


@pytest.mark.parametrize(
    ("folder", "start"),
    [
        ("/", IN_ROOT),
        ("/home/bob/", IN_HOME),
        ("/home/bob/src", PROJECT),
        ("relative", PROJECT),
        ("", PROJECT),
        ("/var/lib/mysql", "/var/lib/mysql"),
        ("/var/lib/jenkins/workspace/job", PROJECT),
        ("/usr/local/src", PROJECT),
        ("/mnt/disk/work", PROJECT),
    ],
)
def test_where_a_text_starts(folder, start):
    assert start_of(folder, "/home/me") == start
