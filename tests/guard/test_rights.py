"""Rights given away, records turned off and doors opened: in databases, directories, clouds."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check


@pytest.mark.parametrize(
    ("command", "level"),
    [
        ("psql -c 'ALTER USER eve WITH SUPERUSER'", "dangerous"),
        ("psql -c 'ALTER USER eve WITH NOSUPERUSER'", "review"),
        ("psql -c \"CREATE ROLE app LOGIN PASSWORD 'x'\"", "review"),
        ("psql -c 'SELECT rolsuper FROM pg_roles'", "safe"),
        ("psql -c 'SELECT 1 -- GRANT ALL ON *.* TO x'", "safe"),
        ("mysql -e \"GRANT ALL ON *.* TO 'x'@'%'\"", "dangerous"),
        ("mysql -e \"GRANT ALL ON shop.* TO 'x'@'%'\"", "review"),
        ("mysql -e \"SELECT 1 FROM log WHERE q = 'GRANT ALL ON *.*'\"", "safe"),
        ("mysql -e 'SET GLOBAL general_log = OFF'", "dangerous"),
        ("mysql -e 'SET GLOBAL general_log = ON'", "safe"),
        ('mongosh --eval \'db.createUser({user:"x",roles:["root"]})\'', "dangerous"),
        ("samba-tool group addmembers 'Domain Admins' eve", "dangerous"),
        ("samba-tool user list", "safe"),
        ("createuser -s eve", "dangerous"),
        ("aws iam list-users", "safe"),
        ("aws iam create-user --user-name ci", "review"),
        ("useradd -D", "safe"),
    ],
)
def test_an_account_by_what_it_may_do(command, level):
    assert check(command).level == level


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ("--protocol -1 --cidr 0.0.0.0/0", "dangerous"),
        ("--protocol tcp --port 22 --cidr 0.0.0.0/0", "dangerous"),
        ("--protocol tcp --port 0-65535 --cidr ::/0", "dangerous"),
        ("--protocol tcp --port 443 --cidr 0.0.0.0/0", "review"),
        ("--protocol tcp --port 22 --cidr 203.0.113.5/32", "review"),
    ],
)
def test_a_door_by_who_may_enter_and_where(options, level):
    command = f"aws ec2 authorize-security-group-ingress --group-id sg-1 {options}"
    assert check(command).level == level


@pytest.mark.parametrize(
    ("command", "level"),
    [
        ("for i in $(ls /sys/class/net); do ip link set $i down; done", "dangerous"),
        ('ip link set "$IF" down', "review"),
        ("for i in $(ls /sys/class/net); do ethtool $i; done", "safe"),
        ("iptables-save | grep -v DROP | iptables-restore", "dangerous"),
        ("iptables-save > rules.v4", "safe"),
        ("iptables-restore < rules.v4", "review"),
        ("for u in $(cut -d: -f1 /etc/passwd); do usermod -L $u; done", "dangerous"),
        ("usermod -L bob", "review"),
        ("lsmod | awk '{print $1}' | xargs rmmod", "dangerous"),
        ("rmmod pcspkr", "review"),
        ("apt-mark auto $(apt-mark showmanual)", "dangerous"),
        ("apt-mark auto libfoo", "review"),
    ],
)
def test_all_of_them_is_more_than_one_of_them(command, level):
    assert check(command).level == level


@pytest.mark.parametrize(
    ("command", "level"),
    [
        ("docker volume create -o type=none -o o=bind -o device=/ d", "dangerous"),
        ("docker volume create -o type=nfs -o o=addr=10.0.0.2 -o device=:/x d", "safe"),
        ("python3 -c \"import docker; docker.from_env().containers.run('a', privileged=True)\"",
         "dangerous"),
        ("python3 -c \"import docker; docker.from_env().containers.run('a')\"", "safe"),
        ("python3 -c \"import apt; apt.Cache()['libc6'].mark_delete()\"", "dangerous"),
        ("python3 -c \"import apt; print(apt.Cache()['libc6'].installed)\"", "safe"),
        ("curl -k https://10.0.0.9:10250/run/a/b/c -d cmd=id", "dangerous"),
        ("curl -k https://localhost:10250/healthz", "safe"),
        ("kubectl apply -f http://203.0.113.9/x.yaml", "dangerous"),
        ("kubectl apply -f k8s/", "safe"),
        ("mount /dev/sdb1 /mnt/x; cat /mnt/x/etc/shadow", "dangerous"),
        ("mount /dev/sdb1 /mnt/x; cat /mnt/x/notes.txt", "review"),
        ("cdk synth", "safe"),
    ],
)  # fmt: skip
def test_a_way_to_the_host_by_what_it_leads_to(command, level):
    assert check(command).level == level
