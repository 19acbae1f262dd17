"""Tools that run the command behind their own words: it is judged as if it stood alone."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check

BEFORE = (
    "poetry run",
    "uv run --with httpx",
    "conda run -n base",
    "npx --yes",
    "mise exec node@20 --",
    "direnv exec .",
    "aws-vault exec prod --",
    "bundle exec",
    "faketime '2020-01-01'",
    "bwrap --ro-bind / / --bind /home /home",
    "proot -r /",
    "tini --",
    "gosu root",
    "valgrind --leak-check=full",
    "git bisect run",
    "git submodule foreach --recursive",
    "nix develop -c",
)
AROUND = (
    "nix-shell -p git --run '{}'",
    "hyperfine 'sleep 1' '{}'",
    "git rebase --exec '{}' main",
    "nodemon --exec '{}'",
    "heroku run '{}'",
    "concurrently 'npm start' '{}'",
    "ls | entr -s '{}'",
    "capsh -- -c '{}'",
    "gdb -batch -ex run --args {}",
    "fzf --bind 'start:execute({})'",
    "snap run --shell x -c '{}'",
    "flatpak run --command=sh org.x -c '{}'",
    "ip vrf exec x {}",
    "tcpserver 0 1 {}",
    "screen -S x -X stuff '{}'",
    "LESSOPEN='|{}' less x",
    "perl -e 'print \"{}\"' | sh",
    "python3 -c 'print(\"{}\")' | sh",
    "node -e 'console.log(\"{}\")' | sh",
    "echo 'a {}' | cut -d' ' -f2- | bash",
    "echo '{}' | awk '{{print $0}}' | bash",
    "yes '{}' | head -1 | bash",
)


@pytest.mark.parametrize("tool", [*(f"{one} {{}}" for one in BEFORE), *AROUND])
def test_what_a_tool_runs_is_judged_as_if_it_stood_alone(tool):
    assert check(tool.format("rm -rf /etc")).level == "dangerous"
    assert check(tool.format("ls -la")).level == "safe"


@pytest.mark.parametrize(
    "command",
    [
        "uv run python -c \"import shutil; shutil.rmtree('/home')\"",
        "npx rimraf@5 ~",
        "npx tsx -e \"require('child_process').execSync('rm -rf ~')\"",
        "node -e \"const {execSync: e} = require('child_process'); e('rm -rf /etc')\"",
        "rake -e 'rm_rf \"/usr\"'",
        "printf '%b' '\\0162\\0155 -rf /home' | sh",
        "some-tool --verbose rm -rf /etc",
    ],
)
def test_another_name_or_language_in_between_hides_nothing(command):
    assert check(command).level == "dangerous"


@pytest.mark.parametrize(
    "command",
    ["hg rm old.py", "dvc rm -f data.dvc", "some-tool rm item-3", "npx kill-port 3000", "rake -T"],
)
def test_a_verb_of_a_tools_own_is_no_destroyer(command):
    assert check(command).level == "safe"
