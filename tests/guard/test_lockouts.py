"""What locks everybody out, or oneself, and what keeps somebody else out."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check


@pytest.mark.parametrize(
    "command",
    [
        "sudo touch /etc/nologin",
        "sudo bash -c 'echo exit >> /etc/profile'",
        "echo 'exit 0' >> ~/.bashrc",
        "echo 'back at noon' | sudo tee /run/nologin",
        "sudo install -m 644 /dev/null /etc/nologin",
        "sudo touch /etc/ssh/sshd_not_to_be_run",
        "echo 'DenyUsers *' | sudo tee -a /etc/ssh/sshd_config",
        "printf 'AllowUsers nobody\\n' >> /etc/ssh/sshd_config",
        "echo 'ListenAddress 127.0.0.1' | sudo tee -a /etc/ssh/sshd_config",
        "sudo sed -i 's/^PubkeyAuthentication.*/PubkeyAuthentication no/;"
        "s/^PasswordAuthentication.*/PasswordAuthentication no/' /etc/ssh/sshd_config",
        'sudo chsh -s /bin/false "$USER"',
        "sudo usermod -s /sbin/nologin $(whoami)",
        "sudo passwd -l $USER",
        "sudo usermod -L `whoami`",
    ],
)
def test_a_lockout_is_refused(command):
    assert check(command).level == "dangerous"


@pytest.mark.parametrize(
    ("command", "level"),
    [
        ("touch nologin", "safe"),
        ("echo 'exit' > run.sh", "safe"),
        ("printf 'if [ -z $X ]; then\n  exit\nfi\n' >> ~/.bashrc", "review"),
        ("chmod 000 ~/.ssh", "review"),
        ("cat /etc/nologin", "safe"),
        ("test -e /etc/nologin && echo locked", "safe"),
        ("sudo rm -f /etc/nologin", "review"),
        ("echo 'DenyUsers mallory' | sudo tee -a /etc/ssh/sshd_config", "review"),
        ("echo 'PasswordAuthentication no' | sudo tee -a /etc/ssh/sshd_config", "review"),
        ("sudo usermod -L bob", "review"),
    ],
)
def test_keeping_one_out_or_letting_everybody_in_is_not(command, level):
    assert check(command).level == level
