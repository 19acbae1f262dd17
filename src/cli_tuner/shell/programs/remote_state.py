"""Clients of clouds, clusters and hosting services, read by the verb of their sub-command.

    aws sqs purge-queue ...      ->  loses remote state
    gcloud compute instances list -> nothing

Their sub-commands are too many for a table and follow one grammar: a path of nouns with one
verb in it, sometimes joined by a dash or a colon (`delete-queue`, `apps:destroy`). The first
word with a known verb decides. Not covered: verbs that are values of unknown options, and
nouns of the user's that are spelled like verbs.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.programs.credentials import handed_out
from cli_tuner.shell.programs.grants import cloud_access
from cli_tuner.shell.programs.json_filters import about
from cli_tuner.shell.programs.transfers import CARRIED, cloud_copy, sent
from cli_tuner.shell.programs.wholesale import WHOLE, agreed, whole_of_cloud
from cli_tuner.shell.values import EMPTY, HOLE, STAR, UNKNOWN, Value, known

_LOSES = frozenset(
    "delete destroy remove rm rb rmi purge terminate drop reset wipe flush empty erase unpublish "
    "undeploy uninstall detach deregister revoke disable stop kill cancel expire abort rollback "
    "restore suspend schedule reboot restart decommission evict prune del clean deprovision "
    "failover demote leave forget abandon disassociate unlink deprecate unprotect nuke force_reset "
    "close-account down".split()
)
# What only adds (create, run, publish) is daily work with these clients and not among them.
# Of these, what only holds something up for a while.
_INTERRUPTS = frozenset(
    "disable stop kill cancel abort rollback suspend reboot restart failover demote evict leave "
    "stop-instances reboot-instances reboot-db-instance stop-db-instance".split()
)
_CHANGES = frozenset(
    "put update modify set apply deploy scale resize promote replace import migrate attach "
    "change rotate grant patch edit transfer rename move mv recreate upgrade rebuild taint untaint "
    "authorize cordon uncordon drain unset revert reimage reinstall redeploy invalidate up".split()
)
_READS = frozenset(
    "list ls get describe show head wait help version status info logs log tail top explain diff "
    "plan validate search history inspect export print events whoami check test ping lint "
    "template view read query output graph providers console doctor scan cat stat du fmt "
    "open browse tree docs api-resources api-versions can-i ps proxy port-forward login logout "
    "config configure auth account sso completion init use select context contexts env profile "
    "preview simulate estimate batch-get lookup find filter presign generate verify detect "
    "assume decode download fetch pull backup snapshot-list cluster-info attach-console "
    "current current-context render package dependency repo dashboard service ip".split()
)
_SECRETS = re.compile(
    r"secretsmanager (?:batch-)?get-secret-value|secrets versions access|"
    r"keyvault secret (?:show|download)|configure export-credentials|"
    r"configure get \S*secret|keys list\b|config:get\b|appconfig kv list"
)
# A parameter that is a secret comes encrypted unless it is asked for in clear.
_PARAMETER = re.compile(r"ssm get-parameters?\b")
_EVERY_SECRET = re.compile(r"get-parameters-by-path|batch-get-secret-value")
# Tokens of the service itself, which its own hosts may be given.
_TOKENS = re.compile(
    r"(?:ecr|codeartifact) get-\w+-(?:password|token)|sts (?:get-session-token|assume-role)|"
    r"get-access-token|auth (?:application-default )?print-\w+-token|auth:token|auth token"
)
_ISSUER = {
    "aws": "AWS",
    "gcloud": "GOOGLE",
    "az": "AZURE",
    "heroku": "HEROKU",
    "doctl": "DIGITALOCEAN",
}
_VALUES = frozenset(
    "--profile --region --output --query --endpoint-url --project --zone --location --format "
    "--filter -n --namespace -g --resource-group --name --subscription --account --context "
    "-a --app -t --target --token --org --organization --stack -s -p -P -o -l -c".split()
)
_DRY = ("--dryrun", "--dry-run", "--dry-run=client", "--dry-run=server", "--help", "-h", "-help",
        "--dry-run=true", "--dryRun", "--what-if", "--noop", "--no-execute-changeset")  # fmt: skip


def verb_of(words: list[str]) -> tuple[str, str]:
    """(`lose`, `change`, `read` or empty, the word that says so)."""
    for word in words[:5]:
        parts = [part for part in re.split(r"[:\-_]", word.lower()) if part]
        if parts[:1] == ["batch"]:  # batch-delete-image
            parts = parts[1:]
        for verb in dict.fromkeys((word.lower(), *parts[:1], *(parts[-1:] if ":" in word else ()))):
            if verb in _READS:
                return "read", word
            if verb in _LOSES:
                return "lose", word
            if verb in _CHANGES:
                return "change", word
    return "", ""


def cloud(call: Call) -> Value:
    """A cloud's client: what its verb loses or changes there, and what it copies."""
    if call.has(*_DRY):
        return UNKNOWN
    cloud_access(call)
    words = [operand.text for operand in call.parsed(Facts(values=_VALUES)).operands]
    copied = cloud_copy(call)
    if copied is not None:
        return copied
    text = " ".join(words[:6])
    if text.startswith("ssm send-command"):
        _sent_command(call)
    if _EVERY_SECRET.search(text) and ("ssm" not in words or call.has("--with-decryption")):
        every = frozenset({"secret", "shown", "everything"})
        return Value((HOLE,), every, "the secrets of the cloud")
    query = call.after("--query")
    told = query is None or not about(query.text)
    stored = _PARAMETER.search(text) and call.has("--with-decryption")
    if told and (_SECRETS.search(text) or stored):
        handed = handed_out(call, "a secret of the cloud")
        # Asked for as lines of a shell, it is a setting for that shell.
        setup = {"setup"} if "export-credentials" in text else set()
        return replace(handed, taints=handed.taints | {"stored"} | setup)
    if _TOKENS.search(text):
        return handed_out(call, "a token of the cloud", _ISSUER.get(call.name, call.name.upper()))
    kind, verb = _read_by_service(call.name, words)
    if kind in ("lose", "change"):
        kind = "change" if verb in _INTERRUPTS else kind
        attributes = ["cloud", "delete"] if kind == "lose" else ["cloud", "change"]
        if kind == "lose" and whole_of_cloud(call, words):
            attributes.append(WHOLE)
        call.effect(EffectKind.REMOTE_STATE, f"{call.name} {text}"[:80], *attributes)
    listed = frozenset({"many"}) if kind == "read" and _LISTS.search(text) else frozenset()
    return Value((HOLE,), UNKNOWN.taints | listed)


_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")


def _sent_command(call: Call) -> None:
    """aws ssm send-command: the texts that run on the machines."""
    given = call.after("--parameters")
    _, _, texts = (given.text if given is not None else "").partition("commands=")
    found = [m[1] or m[2] for m in _QUOTED.finditer(texts)] or [texts.strip("[]")]
    for text in found:
        call.run_text(known(text), stdin=EMPTY)


_LISTS = re.compile(r"\b(?:list|ls|describe)\b")

# Groups of sub-commands that only touch the client's own settings.
_LOCAL = frozenset("configure config auth login logout sso account completion init".split())


def _read_by_service(client: str, words: list[str]) -> tuple[str, str]:
    """The verb, with a first word that may be spelled like one but names a service."""
    if words[:1] and (words[0] in _LOCAL or "update-kubeconfig" in words[:2]):
        return "read", words[0]
    if words[1:2] and words[0] in _READS and words[1] in _LOSES:
        return "lose", words[1]  # the first word is what is lost: `backup delete`
    if client in _WHOLE_VERBS and (verbs := [w for w in words if w in _LOSES | _CHANGES]):
        return verb_of(verbs)
    return verb_of(words[1:] if client in ("aws", "aliyun", "oci") else words)


# Clients whose verbs are words of their own: `az monitor log-analytics workspace delete`.
_WHOLE_VERBS = frozenset({"az", "gcloud", "openstack", "doctl", "hcloud"})


_HTTP_WRITES = frozenset({"DELETE", "PUT", "PATCH"})
_PROJECT = re.compile(r"/?(?:repos/[^/]+|orgs|projects|groups)/[^/]+/?$")
_FORGE_READS = frozenset({"pr", "issue", "browse", "search", "codespace", "gist", "alias"})


def _forge(call: Call) -> Value:
    """gh and glab: pull requests and issues are daily work; what is deleted or replaced is not."""
    cloud_access(call)
    words = [operand.text for operand in call.parsed(Facts(values=_VALUES | {"-R", "-X"})).operands]
    method = call.after("-X", "--method")
    if words[:1] == ["api"] and method is not None and method.text.upper() in _HTTP_WRITES:
        gone = method.text.upper() == "DELETE" and _PROJECT.match(words[-1])
        whole = (WHOLE,) if gone else ()
        call.effect(EffectKind.REMOTE_STATE, words[-1], method.text.lower(), *whole)
    if words[:2] == ["alias", "set"] and (call.has("-s", "--shell") or words[-1][:1] == "!"):
        call.run_text(known(words[-1].lstrip("!")), stdin=EMPTY)
    if words[:1] and words[0] not in _KEEPS_SECRETS:
        _told(call, words)
    if words[:2] == ["gist", "create"]:
        copied = cloud_copy(call)
        return copied if copied is not None else UNKNOWN
    if words[:2] == ["auth", "token"]:
        return handed_out(call, "the token", "GH" if call.name != "glab" else "GITLAB")
    kind, _ = verb_of(words[1:2])
    loses = kind == "lose" or words[1:2] == ["archive"]
    if loses and (words[:1] not in (["pr"], ["issue"]) or words[1:2] == ["delete"]):
        whole = (WHOLE,) if words[:2] == ["repo", "delete"] and agreed(call) else ()
        call.effect(EffectKind.REMOTE_STATE, " ".join(words[:3]), "delete", *whole)
    elif words[:2] in (
        ["secret", "set"],
        ["variable", "set"],
        ["repo", "rename"],
        ["repo", "edit"],
    ):
        call.effect(EffectKind.REMOTE_STATE, " ".join(words[:3]), "change")
    return UNKNOWN


# Where a forge keeps secrets as such.
_KEEPS_SECRETS = frozenset({"secret", "variable", "auth", "ssh-key", "gpg-key", "config"})


def _told(call: Call, words: list[str]) -> None:
    """What an issue, a comment, a snippet or a release says to everybody who can see it."""
    taints = set(call.taints())
    files = [v for o in ("-F", "--body-file", "--notes-file") if (v := call.after(o)) is not None]
    if words[:2] in (["snippet", "create"], ["release", "upload"], ["release", "create"]):
        files += [arg for arg in call.args[2:] if arg.text[:1] != "-"]
    for where in files:
        taints |= call.stdin.taints if where.text == "-" else call.reads(where).taints
    if taints & CARRIED:
        sent(call, " ".join(words[:2]), taints)


_TOPIC_VERBS = ("--delete", "--alter", "--delete-offsets", "--reset-offsets", "--remove")


def _by_flag(call: Call) -> Value:
    """Kafka's tools and their like, whose verb is an option."""
    loses = call.has(*_TOPIC_VERBS) or call.name.startswith("kafka-delete-records")
    if loses and not call.has("--dry-run", "--help"):
        name = call.after("--topic", "--group", "--entity-name")
        target = name.text if name is not None else call.name
        pattern = call.has("--delete") and target.strip(".*+" + STAR) == ""
        whole = (WHOLE,) if name is not None and pattern else ()
        call.effect(EffectKind.REMOTE_STATE, target, "cloud", "delete", *whole)
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        (
            f"kafka-{tool}{suffix}"
            for tool in ("topics", "consumer-groups", "configs", "acls", "delete-records")
            for suffix in ("", ".sh")
        ),
        _by_flag,
    ),
    **dict.fromkeys(
        "aws gcloud az doctl heroku dokku flyctl fly vercel netlify ibmcloud oci linode-cli hcloud "
        "bq gsutil firebase eksctl minikube kind k3d argocd flux railway render scw exo civo "
        "openstack supabase wrangler cf sls serverless amplify eb ecs-cli copilot sam vultr-cli "
        "aliyun tccli nomad consul kops kustomize-apply rancher velero istioctl linkerd "
        "confluent rabbitmqctl rabbitmqadmin s3cmd s5cmd b2 "
        "planetscale pscale neonctl turso atlas mongocli snyk pm2-remote nsupdate ocm rosa "
        "cloudflare op-admin upsun platform gcloud-beta azcopy ossutil cos".split(),
        cloud,
    ),
    **dict.fromkeys(("gh", "glab", "hub"), _forge),
}
