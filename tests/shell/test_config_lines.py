"""Settings files by their format: which lines run something, which turn something off."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check
from cli_tuner.shell.config_lines import BOOT_ARGUMENTS, commands_in


@pytest.mark.parametrize(
    ("path", "text", "commands"),
    [
        ("/etc/udev/rules.d/9.rules", 'ACTION=="add", RUN+="/opt/x a"', ["/opt/x a"]),
        ("/etc/udev/rules.d/9.rules", 'KERNEL=="tty*", MODE="0666"', []),
        ("/etc/apt/apt.conf.d/9", 'DPkg::Post-Invoke {"/opt/x";};', ["/opt/x"]),
        ("/etc/apt/apt.conf.d/9", 'Acquire::http::Proxy "http://p";', []),
        ("/etc/environment", "BASH_ENV=/opt/e\nPATH=/bin", ["/opt/e"]),
        ("/etc/environment", "ENV=production", []),
        ("~/.ssh/config", "Host *\n  ProxyCommand nc %h %p", ["nc %h %p"]),
        ("~/.ssh/config", "Host *\n  ProxyCommand none\n  User a", []),
        ("~/.tmux.conf", "run-shell '/opt/x'", ["/opt/x"]),
        ("/etc/network/interfaces", "iface eth0 inet dhcp\n  post-up /opt/x", ["/opt/x"]),
        ("/etc/modprobe.d/x.conf", "install nbd /opt/x", ["/opt/x"]),
        ("/etc/aliases", 'root: "|/opt/x"', ["/opt/x"]),
        ("~/.bashrc", "/opt/x", None),
    ],
)
def test_a_format_says_which_of_its_lines_run(path, text, commands):
    assert commands_in(path, text) == commands


@pytest.mark.parametrize("text", ["init=/bin/sh", "quiet selinux=0", "rd.break", "rdinit=/x"])
def test_what_the_kernel_is_told_that_takes_a_protection_away(text):
    assert BOOT_ARGUMENTS.search(text)


@pytest.mark.parametrize("text", ["quiet splash", "nvidia-drm.modeset=1", "myinit=/x"])
def test_other_words_for_the_kernel_are_settings(text):
    assert not BOOT_ARGUMENTS.search(text)


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("echo Storage=none >> /etc/systemd/journald.conf", "CT-LOG-001"),
        ("echo '-e 0' > /etc/audit/rules.d/a.rules", "CT-LOG-001"),
        ("echo 'blacklist nvme' > /etc/modprobe.d/x.conf", "CT-BOO-001"),
        ("echo 'AuthorizedKeysFile /etc/ssh/keys' >> /etc/ssh/sshd_config", "CT-ACC-001"),
        ("sed -i '$a /opt/.x/run &' /etc/rc.local", "CT-PER-001"),
        ("sed -i 's#^exit 0#/tmp/x\\nexit 0#' /etc/rc.local", "CT-PER-001"),
    ],
)
def test_a_line_that_turns_something_off_or_on_is_dangerous(command, rule):
    found = {reason.rule_id for reason in check(command).reasons}
    assert check(command).level == "dangerous"
    assert rule in found


@pytest.mark.parametrize(
    "command",
    [
        "echo SystemMaxUse=500M >> /etc/systemd/journald.conf",
        "echo 'blacklist nouveau' > /etc/modprobe.d/x.conf",
        "sed -i 's/GRUB_TIMEOUT=10/GRUB_TIMEOUT=2/' /etc/default/grub",
        "echo 'AuthorizedKeysFile .ssh/authorized_keys' >> /etc/ssh/sshd_config",
        "printf '/var/log/app/*.log {\\n rotate 8\\n}\\n' > /etc/logrotate.d/app",
    ],
)
def test_an_ordinary_setting_of_the_system_is_for_review(command):
    assert check(command).level == "review"


@pytest.mark.parametrize(
    "command",
    [
        "printf 'Storage=none\\n' > tests/fixtures/journald.conf",
        "sed -i 's/splash/init=x/' docs/grub.txt",
        "echo 'set -g mouse on' >> ~/.tmux.conf",
    ],
)
def test_the_same_lines_elsewhere_mean_nothing(command):
    assert check(command).level == "safe"
