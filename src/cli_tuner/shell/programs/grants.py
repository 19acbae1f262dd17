"""Rights that are given away, and records that are turned off, in databases and clouds.

    GRANT ALL ON *.* TO x            ->  an administrator of the database
    SET GLOBAL general_log = OFF     ->  a record that ends
    ...-ingress --port 22 --cidr 0.0.0.0/0   ->  a door for everybody

A role for one application, a rule for one address and a public web port are administration.
Not covered: policies in files, and roles whose rights the text does not name.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call

_ADMINISTERS = re.compile(
    r"\bgrant\s+all(?:\s+privileges)?\s+on\s+\*\s*\.\s*\*|\bwith\s+(?:grant|admin)\s+option|"
    r"\b(?:create|alter)\s+(?:user|role|login)\s[^;]{0,300}(?<!no)(?:superuser|createrole|bypassrls)\b|"
    r"\b(?:create|alter)\s+user\b[^;]{0,300}\bidentified\s+(?:with\s+\w+\s+)?by\s+''|"
    r"\balter\s+(?:user|role|login)\s+(?:if\s+exists\s+)?['\"`\[]?"
    r"(?:root|postgres|sa|admin|system|sys)\b[^;]{0,300}\b(?:identified|password)\b|"
    r"\bset\s+password\s+for\s+['\"`]?root\b|"
    r"\bdrop\s+(?:user|role|login)\s+(?:if\s+exists\s+)?['\"`\[]?(?:root|postgres|sa|admin)\b|"
    r"\bupdate\s+mysql\.user\s+set\b|\bsp_addsrvrolemember\b|"
    r"\bserver\s+role\s+\W?sysadmin\W?\s+add\b|"
    r"\bgrant\s+(?:dba|sysdba|rds_superuser|cloudsqlsuperuser|control\s+server|pg_\w+)\b|"
    r"\b(?:createUser|updateUser|grantRolesToUser)\b[^;]{0,300}\b(?:root|\w+AnyDatabase|clusterAdmin|"
    r"__system)\b|"
    r"\bacl\s+setuser\b[^;]{0,300}(?:\+@all|allcommands|nopass)|\brequirepass\s+(?:\n|$|''|\"\")",
    re.I,
)
_NAMES_ACCOUNT = re.compile(
    r"\b(?:create|alter|drop)\s+(?:user|role|login)\b|\bgrant\s+[\w\s,()]+\bto\b|"
    r"\bgrant\s+[\w\s,()]+\bon\b|\b(?:create|drop|update)User\s*\(|\bdropAllUsers\b|\bacl\s+setuser\b|\brevoke\s+\w+.*\bfrom\b",
    re.I,
)
_SILENCES = re.compile(
    r"\bset\s+(?:(?:global|persist|session)\s+|@@(?:\w+\.)?)?(?:general_log|"
    r"slow_query_log|sql_log_bin|"
    r"server_audit_logging|audit_log\w*|log_bin)\s*=\s*['\"]?(?:0|off|none|false)\b|"
    r"\bpurge\s+(?:binary|master)\s+logs\b|\breset\s+(?:master|binary\s+logs)\b|"
    r"\balter\s+system\s+(?:set\s+(?:log_statement|log_connections|log_disconnections|"
    r"logging_collector|log_min_\w+|log_destination|pgaudit\.\w+)\s*(?:=|\bto\b)\s*"
    r"['\"]?(?:none|off|false|panic|fatal|0|-1)|reset\s+pgaudit)|"
    r"\balter\s+(?:server|database)\s+audit\b[^;]{0,300}\bstate\s*=\s*off|\bdrop\s+server\s+audit\b|"
    r"\buninstall\s+(?:plugin|component)\s+\S*(?:audit|log)|\bnoaudit\b|\baudit\w*\W+(?:false|off)\b|\bslowlog-log-slower-than\s+-1|"
    r"\b(?:truncate(?:\s+table)?|delete\s+from)\s+[`\"\[]?(?:mysql\.)?(?:general_log|"
    r"slow_log|audit\w*|"
    r"\w*aud\$)",
    re.I,
)


def database_rights(call: Call, text: str) -> None:
    """Emit what statements do to the database's accounts and to its records."""
    if match := _SILENCES.search(text):
        call.effect(EffectKind.LOG, _short(match), "off")
    if match := _ADMINISTERS.search(text):
        call.effect(EffectKind.ACCOUNT, _short(match), "admin-group")
    elif match := _NAMES_ACCOUNT.search(text):
        call.effect(EffectKind.ACCOUNT, _short(match), "change")


def _short(match: re.Match[str]) -> str:
    return " ".join(match[0].split())[:60]


# --- clouds

TEXT_MAX = 4_000

_EVERYBODY = re.compile(
    r"0\.0\.0\.0/0|(?<![\w:])::/0|(?:prefix(?:es)?|ips?)[= ](?:\*|Internet|Any)(?=\s|$)"
)
# A client, what lets packets in, whether an address that is not given means everybody.
_DOORS = {
    "aws": (
        re.compile(r"^ec2 (?:authorize-security-group-ingress|modify-security-group-rules)"), False
    ),
    "gcloud": (
        re.compile(r"^(?:\w+ )?compute firewall-rules (?:create|update)(?!.*(?:EGRESS|DENY))"), True
    ),
    "az": (re.compile(r"^network nsg rule (?:create|update)(?!.*Deny)|^vm open-port"), True),
    "openstack": (re.compile(r"^security group rule create(?!.*--egress)"), True),
    "doctl": (re.compile(r"^compute firewall (?:add-rules|create|update)"), False),
    "hcloud": (re.compile(r"^firewall (?:add-rule|replace-rules)(?!.*direction[= ]out)"), False),
}  # fmt: skip
_PORTS = re.compile(
    r"(?:--(?:port|ports|dst-port|destination-port-ranges?|allow|rules)|FromPort|ToPort|"
    r"ports)[= :]+"
    r"(\S+)"
)
_WEB = frozenset({"80", "443", "8080", "8443"})
_ADMINISTRATION = frozenset(
    "20 21 22 23 111 135 137 139 389 445 512 513 514 873 1433 1521 2049 2375 2376 2379 3306 3389 "
    "4444 5432 5601 5900 5901 5984 5985 6379 6443 7001 8086 9000 9042 9092 9200 9300 10250 10255 "
    "11211 15672 27017 27018 50070".split()
)


def cloud_access(call: Call) -> None:
    """Emit what a cloud's client opens to everybody, and whom it makes an administrator."""
    text = " ".join(arg.text for arg in call.args)[:TEXT_MAX]
    door = _DOORS.get(call.name)
    if door is not None:
        words = " ".join(arg.text for arg in call.args if not arg.text.startswith("-"))
        pattern, open_by_default = door
        if pattern.search(text) or pattern.search(words):
            _door(call, text, open_by_default)
    rights = _GAINS.get(call.name)
    if rights is not None:
        strong, any_change = rights
        if match := strong.search(text):
            call.effect(EffectKind.ACCOUNT, _short(match), "admin-group")
        elif match := any_change.search(text):
            call.effect(EffectKind.ACCOUNT, _short(match), "change")


def _door(call: Call, text: str, open_by_default: bool) -> None:
    addressed = re.search(r"--(?:source|remote|cidr|src)|source-ips|address:|CidrIp", text)
    everybody = _EVERYBODY.search(text) or (open_by_default and not addressed)
    found = [port for match in _PORTS.finditer(text) for port in re.split(r"[,;]", match[1])]
    ports = {re.sub(r"^\w+:", "", port).strip("'\"") for port in found}
    wide = not ports or any(_is_wide(port) for port in ports)
    exposed = everybody and (wide or ports & _ADMINISTRATION)
    call.effect(
        EffectKind.FIREWALL, "the cloud's firewall", "rule", *(("open-all",) if exposed else ())
    )


def _is_wide(port: str) -> bool:
    """`all`, `*`, a bare protocol, or more ports than one service has."""
    if port.lower() in ("all", "any", "*", "-1", "tcp", "udp", "icmp"):
        return port.lower() != "icmp"
    first, dash, last = port.replace(":", "-").partition("-")
    return bool(dash) and first.isdigit() and last.isdigit() and int(last) - int(first) > 100


_EVERY_ACTION = r"[\"']?Action[\"']?\s*:\s*\[?\s*[\"'](?:\*|iam:\*|\*:\*)[\"']"
_GAINS = {
    "aws": (
        re.compile(
            r"iam (?:put|create)-\S*policy\S*.*" + _EVERY_ACTION + r"|"
            r"iam update-assume-role-policy.*[\"']?(?:AWS|Principal)[\"']?\s*:\s*[\"']\*|"
            r"iam (?:add-user-to-group|create-(?:access-key|login-profile)|"
            r"update-login-profile)\b.*\b(?:root|admin\w*)\b|"
            r"iam (?:deactivate-mfa-device|delete-account-password-policy)\b",
            re.I,
        ),
        re.compile(
            r"iam (?:create-(?:user|role|access-key|login-profile|policy-version)|"
            r"add-user-to-group|"
            r"(?:attach|put)-\S+-policy|update-(?:login-profile|access-key|assume-role-\S+))\b"
        ),
    ),
    "gcloud": (
        re.compile(r"iam-policy-binding\b.*(?:all(?:Authenticated)?Users).*roles/(?!.*[vV]iewer)"),
        re.compile(r"iam service-accounts (?:keys )?create\b|(?:add|set)-iam-policy\S*"),
    ),
    "az": (
        re.compile(r"ad sp create-for-rbac\b.*\bOwner\b|ad app permission admin-consent"),
        re.compile(r"ad (?:user|sp|app) (?:create|credential)|role assignment create"),
    ),
    "gh": (
        re.compile(r"(?:memberships|collaborators)/\S+.*(?:role|permission)=admin"),
        re.compile(r"(?:memberships|collaborators)/\S+.*(?:-X|--method)"),
    ),
    "rabbitmqctl": (
        re.compile(r"set_user_tags \S+ .*administrator|change_password guest"),
        re.compile(r"(?:add_user|delete_user|change_password|set_permissions|clear_password)\b"),
    ),
}  # fmt: skip
