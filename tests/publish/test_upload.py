from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli_tuner.errors import (
    ConfigError,
    HubLogin,
    HubRefused,
    HubUnreachable,
    NotPublishable,
    UsageError,
)
from cli_tuner.publish import upload as upload_module
from cli_tuner.publish.hub import Address, Repository, endpoint_of
from cli_tuner.publish.package import SUMS, Package, pack
from cli_tuner.publish.upload import Published, Upload, Wish

CARD = b"---\nlicense: mit\n---\n# tiny\n"
Publish = Callable[..., Published]


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """huggingface_hub without Xet, without long pauses, and without open connections afterwards."""
    import huggingface_hub
    from huggingface_hub.utils import _http

    slept: list[float] = []
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    clock = SimpleNamespace(sleep=slept.append, time=_http.time.time)
    monkeypatch.setattr(_http, "time", clock)
    yield slept
    huggingface_hub.close_session()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path | bytes]:
    """Two large files of 300 kB and two small ones."""
    noise = random.Random(1)
    files: dict[str, Path | bytes] = {"README.md": CARD, "report.json": b"{}"}
    for name in ("train", "test"):
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(noise.randbytes(300_000))
        files[f"data/{name}.parquet"] = path
    return files


@pytest.fixture
def package(files: dict[str, Path | bytes]) -> Package:
    return pack(files)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def publish(
    package: Package, environ: dict[str, str], said: list[str], slept: list[float]
) -> Publish:
    """`publish(private=True)`: the package goes to team/tiny."""

    def run(
        package: Package = package,
        *,
        repo: str = "team/tiny",
        token: str | None = None,
        **wishes: Any,
    ) -> Published:
        given = environ if token is None else environ | {"HF_TOKEN": token}
        repository = Repository(Address(repo, "dataset"), given)
        wish = Wish("published", **wishes)
        return Upload(package, repository, wish, said.append, slept.append).run()

    return run


def held(hub: Any) -> dict[str, bytes]:
    """What the newest commit of team/tiny holds."""
    files = hub.dataset("team/tiny").commits[-1].files
    return {path: blob.data for path, blob in files.items() if path != ".gitattributes"}


def content(package: Package) -> dict[str, bytes]:
    return {item.path: item.read() for item in package.items}


def test_a_new_repository_is_private_and_holds_the_package_in_one_commit(publish, hub, package):
    published = publish()
    assert held(hub) == content(package)
    assert hub.dataset("team/tiny").private
    assert len(hub.dataset("team/tiny").commits) == 2
    assert published.created
    assert published.commit == hub.dataset("team/tiny").commits[-1].id
    assert published.page == f"{hub.url}/datasets/team/tiny"
    assert set(published.sent) == {item.path for item in package.items}


def test_a_public_repository_is_public(publish, hub):
    assert not publish(private=False).private
    assert not hub.dataset("team/tiny").private


def test_an_existing_repository_keeps_its_files_and_its_visibility(publish, hub, package):
    repo = hub.create("dataset", "team/tiny", private=False)
    repo.add(
        "by hand", {"notes.txt": type(next(iter(repo.commits[0].files.values())))(b"x", False)}
    )
    published = publish()
    assert not published.created
    assert not published.private
    assert held(hub) == content(package) | {"notes.txt": b"x"}


@pytest.mark.parametrize(("there", "wanted"), [(True, False), (False, True)])
def test_another_visibility_than_asked_for_is_refused_before_anything_is_sent(
    publish, hub, there, wanted
):
    hub.create("dataset", "team/tiny", private=there)
    with pytest.raises(HubRefused, match="exists and is " + ("private" if there else "public")):
        publish(private=wanted)
    assert hub.sent_bytes() == 0
    assert len(hub.dataset("team/tiny").commits) == 1


def test_the_same_content_makes_no_commit_and_sends_nothing(publish, hub):
    first = publish()
    before = hub.sent_bytes()
    again = publish()
    assert again.commit == first.commit
    assert again.sent == ()
    assert hub.sent_bytes() == before
    assert len(hub.dataset("team/tiny").commits) == 2


def test_only_what_changed_is_sent(publish, hub, files):
    publish()
    before = hub.sent_bytes()
    changed = pack(files | {"README.md": CARD + b"more\n"})
    assert publish(changed).sent == ("README.md", SUMS)
    assert hub.sent_bytes() == before
    assert held(hub) == content(changed)


def test_what_an_earlier_publication_brought_is_removed_and_nothing_else(publish, hub, files):
    publish()
    repo = hub.dataset("team/tiny")
    blob = repo.commits[-1].files["README.md"]
    repo.add("by hand", {**repo.commits[-1].files, "notes.txt": blob})
    fewer = pack({path: data for path, data in files.items() if path != "data/test.parquet"})
    assert publish(fewer).removed == ("data/test.parquet",)
    assert set(held(hub)) == {item.path for item in fewer.items} | {"notes.txt"}


def test_bytes_travel_in_parts_where_the_hub_wants_parts(publish, hub, package):
    hub.part_bytes = 100_000
    publish()
    assert len(hub.lines(r"^PUT .*/part/")) == 6
    assert held(hub) == content(package)


def test_a_connection_cut_in_the_middle_of_a_file_is_tried_again(publish, hub, package, make_fault):
    hub.faults = [make_fault("^PUT /lfs/", cut_after=100_000)]
    publish()
    assert held(hub) == content(package)
    assert 700_000 <= hub.sent_bytes() < 800_000


def test_only_the_part_that_was_cut_is_sent_again(publish, hub, package, make_fault):
    hub.part_bytes = 100_000
    hub.faults = [make_fault("/part/2", cut_after=50_000)]
    publish()
    assert len(hub.lines(r"^PUT .*/part/")) == 7
    assert held(hub) == content(package)


def test_an_upload_that_failed_goes_on_without_sending_again_what_arrived(
    publish, hub, package, make_fault
):
    second = next(item for item in package.items if item.path == "data/train.parquet")
    hub.faults = [make_fault(f"^PUT /lfs/{second.sha256}", cut_after=100_000, times=1000)]
    with pytest.raises(
        HubUnreachable, match=r"uploading data/train\.parquet.*run the same command"
    ):
        publish()
    assert len(hub.dataset("team/tiny").commits) == 1
    assert list(hub.store) == [item.sha256 for item in package.items if "test" in item.path]
    hub.faults, hub.seen = [], []
    publish()
    assert hub.sent_bytes() == second.size_bytes
    assert held(hub) == content(package)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
@pytest.mark.parametrize("line", ["^PUT /lfs/", "/commit/", "/repos/create", "/tree/"])
def test_a_passing_failure_is_waited_out(publish, hub, make_fault, status, line):
    hub.faults = [make_fault(line, status=status)]
    package = pack({"README.md": CARD, "x.parquet": b"x"})
    publish(package)
    assert held(hub) == content(package)
    assert len(hub.dataset("team/tiny").commits) == 2


def test_a_server_is_given_the_time_that_it_asks_for(publish, hub, make_fault, slept, said):
    hub.faults = [make_fault("/commit/", status=503, headers={"Retry-After": "7"})]
    publish()
    assert slept == [7.0]
    assert "committing: the Hub answered HTTP 503; again in 7 s" in said


def test_a_large_file_is_given_that_time_too(publish, hub, make_fault, _library):
    hub.faults = [make_fault("^PUT", status=503, headers={"Retry-After": "7"})]
    publish()
    assert _library == [8.0]  # huggingface_hub adds a second


def test_a_server_that_asks_for_an_hour_is_not_waited_for(publish, hub, make_fault, slept):
    hub.faults = [make_fault("/commit/", status=503, headers={"Retry-After": "3600"}, times=9)]
    with pytest.raises(HubUnreachable, match="HTTP 503"):
        publish()
    assert slept == []


def test_a_server_that_stays_ill_is_given_up(publish, hub, make_fault, slept):
    hub.faults = [make_fault("/commit/", status=500, times=99)]
    with pytest.raises(HubUnreachable, match="committing: the Hub answered HTTP 500"):
        publish()
    assert len(hub.lines("/commit/")) == upload_module.ATTEMPTS
    assert slept == [1.0, 2.0, 4.0]


def test_a_commit_whose_answer_was_lost_is_not_made_twice(publish, hub, package, make_fault):
    hub.faults = [make_fault("/commit/", lose_answer=True)]
    published = publish()
    assert len(hub.dataset("team/tiny").commits) == 2
    assert published.commit == hub.dataset("team/tiny").commits[-1].id
    assert held(hub) == content(package)


def test_a_commit_of_somebody_else_in_between_is_kept(publish, hub, package, monkeypatch):
    store = Repository.store

    def store_slowly(self: Repository, item: Any, addition: Any) -> None:
        store(self, item, addition)
        repo = hub.dataset("team/tiny")
        if len(repo.commits) == 1:
            repo.add(
                "theirs",
                {
                    **repo.commits[-1].files,
                    "theirs.txt": next(iter(repo.commits[0].files.values())),
                },
            )

    monkeypatch.setattr(Repository, "store", store_slowly)
    publish()
    assert set(held(hub)) == {item.path for item in package.items} | {"theirs.txt"}


def test_a_wrong_token_is_said_and_not_shown(publish, hub, said):
    token = "hf_" + "x" * 34
    with pytest.raises(HubLogin, match=r"does not accept this token .HTTP 401.*HF_TOKEN") as caught:
        publish(token=token)
    assert token not in str(caught.value) + "".join(said)
    assert hub.repos == {}


def test_a_token_that_can_only_read_is_refused_before_anything_else(publish, hub):
    from dataclasses import replace

    token = next(iter(hub.accounts))
    hub.accounts[token] = replace(hub.accounts[token], role="read")
    with pytest.raises(HubLogin, match="the token of team can only read"):
        publish()
    assert len(hub.seen) == 1


def test_an_owner_that_is_not_ours_is_refused(publish, hub):
    with pytest.raises(HubRefused, match=r"creating other/tiny: this token may not do that.*403"):
        publish(repo="other/tiny")
    hub.create("dataset", "other/tiny", private=False)
    with pytest.raises(HubRefused, match="write access"):
        publish(repo="other/tiny")
    assert hub.sent_bytes() == 0


@pytest.mark.parametrize(
    ("status", "message"),
    [(507, ""), (413, ""), (402, ""), (403, "You have exceeded your private storage quota")],
)
def test_no_room_at_the_hub_is_said(publish, hub, make_fault, status, message):
    headers = {"X-Error-Message": message} if message else {}
    hub.faults = [make_fault("^PUT /lfs/", status=status, headers=headers, times=9)]
    with pytest.raises(HubRefused, match=r"uploading data/test\.parquet: the Hub has no room"):
        publish()
    assert len(hub.dataset("team/tiny").commits) == 1


def test_no_signed_address_is_in_an_error(publish, hub, make_fault):
    hub.faults = [make_fault("^PUT /lfs/", status=418, times=9)]
    with pytest.raises(HubRefused) as caught:
        publish()
    assert "Signature" not in str(caught.value)


def test_a_file_that_the_repository_ignores_is_noticed(publish, hub):
    hub.ignored = ("report.json",)
    with pytest.raises(HubRefused, match=r"does not hold report\.json as it was sent"):
        publish()


def test_a_file_that_changes_after_it_was_packed_is_not_published(publish, hub, files):
    path = files["data/train.parquet"]
    assert isinstance(path, Path)
    package = pack(files)
    path.write_bytes(b"other")
    with pytest.raises(NotPublishable, match="changed while it was published"):
        publish(package)
    assert len(hub.dataset("team/tiny").commits) == 1


def test_a_version_names_the_commit(publish, hub):
    commit = publish(tag="v1.0.0").commit
    assert hub.dataset("team/tiny").tags == {"v1.0.0": commit}
    assert publish(tag="v1.0.0").commit == commit


def test_a_version_keeps_its_content(publish, hub, files):
    first = publish(tag="v1.0.0").commit
    changed = pack(files | {"report.json": b"{ }"})
    with pytest.raises(HubRefused, match=r"version v1\.0\.0 exists with other content"):
        publish(changed, tag="v1.0.0")
    assert hub.dataset("team/tiny").commits[-1].id == first
    publish(changed, tag="v1.1.0")
    assert set(hub.dataset("team/tiny").tags) == {"v1.0.0", "v1.1.0"}


@pytest.mark.parametrize("tag", ["1", "latest", "v1", "v1.0", "v1.0.0 "])
def test_a_version_is_a_semantic_version(tag):
    with pytest.raises(UsageError, match="is not a version"):
        Wish("published", tag=tag)


@pytest.mark.parametrize(
    "repo", ["tiny", "a/b/c", "../x", "team/..", "team/x y", "team/x.git", "/x"]
)
def test_a_repository_has_an_owner_and_a_name(repo):
    with pytest.raises(UsageError, match="OWNER/NAME"):
        Address(repo, "dataset")


def test_offline_means_offline(environ):
    with pytest.raises(HubLogin, match=r"HF_HUB_OFFLINE is set.*--dry-run"):
        Repository(Address("team/tiny", "dataset"), environ | {"HF_HUB_OFFLINE": "1"})


def test_without_a_token_nothing_is_asked(environ, hub, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(HubLogin, match="no token for the Hub; set HF_TOKEN"):
        Repository(Address("team/tiny", "dataset"), environ | {"HF_TOKEN": ""})
    assert hub.seen == []


def test_the_stored_token_is_used(environ, hub, monkeypatch, package):
    import huggingface_hub

    token = environ.pop("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: token)
    assert Repository(Address("team/tiny", "dataset"), environ).check_login() == "team"


@pytest.mark.parametrize("endpoint", ["ftp://x", "nonsense", "http://", "http://hub.example.org"])
def test_a_token_goes_only_to_an_address_that_keeps_it_secret(endpoint):
    with pytest.raises(ConfigError, match="HF_ENDPOINT"):
        endpoint_of({"HF_ENDPOINT": endpoint})


def test_nobody_at_the_address_is_said(package, environ, slept):
    repository = Repository(
        Address("team/tiny", "dataset"), environ | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    )
    with pytest.raises(HubUnreachable, match="asking the Hub who we are: the connection failed"):
        Upload(package, repository, Wish("published"), sleep=slept.append).run()
