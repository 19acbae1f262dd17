import json
import os
import shutil
import time
from dataclasses import replace

import pytest

from cli_tuner.errors import ReleaseError, SignatureError
from cli_tuner.records import new_request_id
from cli_tuner.release import active
from cli_tuner.release.log import events
from cli_tuner.release.slots import POINTER, Slot, in_share, read_pointer, releases, slot_folder
from cli_tuner.release.slots import switching as lock
from cli_tuner.release.switching import canary, promote, rollback


def version(paths):
    found = active(paths)
    return found.active.manifest.version if found else None


def damage(paths, slot):
    """Break a release in its slot without touching the one it was copied from."""
    folder = slot_folder(paths, slot)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()
        path.write_bytes(b"broken")


@pytest.fixture
def three(built):
    for one in ("1.0.0", "1.1.0", "2.0.0"):
        built(one)


def test_promotions_alternate_between_two_slots(three, gates, paths):
    assert version(paths) is None
    slots = []
    for one in ("1.0.0", "1.1.0", "2.0.0"):
        promote(one, gates)
        assert version(paths) == one
        slots.append(read_pointer(paths).active.slot)
    assert slots == [Slot.BLUE, Slot.GREEN, Slot.BLUE]
    assert read_pointer(paths).previous.version == "1.1.0"


def test_what_is_active_does_not_need_what_was_built(built, gates, paths):
    shutil.rmtree(built("1.0.0"), ignore_errors=not promote("1.0.0", gates))
    assert version(paths) == "1.0.0"
    found = active(paths)
    assert found.active.folder == slot_folder(paths, Slot.BLUE)
    assert found.active.reference.endswith("blue/tiny-1.0.0.gguf")


def test_rollback_goes_back_once(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    done = rollback(paths, reason="drill")
    assert (done.version, done.before, version(paths)) == ("1.0.0", "1.1.0", "1.0.0")
    assert done.seconds < 5
    with pytest.raises(ReleaseError, match="no release to go back to"):
        rollback(paths)
    last = list(events(paths))[-1]
    assert (last.event, last.reason, last.before) == ("rolled_back", "drill", "1.1.0")
    promote("1.1.0", gates)
    assert version(paths) == "1.1.0"


def test_rollback_works_when_the_active_release_is_broken(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    assert version(paths) == "1.1.0"
    damage(paths, Slot.GREEN)
    assert version(paths) == "1.1.0"  # what was read stays read; a new process would refuse
    with pytest.raises(ReleaseError):
        raise_afresh(paths)
    rollback(paths)
    assert version(paths) == "1.0.0"
    raise_afresh(paths)


def raise_afresh(paths):
    from cli_tuner.release import slots

    slots._kept.clear()
    active(paths)


def test_rollback_works_when_the_active_slot_is_gone(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    shutil.rmtree(slot_folder(paths, Slot.GREEN))
    rollback(paths)
    assert version(paths) == "1.0.0"


def test_rollback_to_something_changed_is_refused(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    damage(paths, Slot.BLUE)
    with pytest.raises(SignatureError):
        rollback(paths)
    assert version(paths) == "1.1.0"


def test_rollback_without_anything_says_so(paths, built, gates):
    with pytest.raises(ReleaseError, match="nothing is active"):
        rollback(paths)
    built("1.0.0")
    promote("1.0.0", gates)
    with pytest.raises(ReleaseError, match="no release to go back to"):
        rollback(paths)


def test_a_slot_with_another_whole_release_is_not_what_the_pointer_names(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    blue, green = (slot_folder(paths, slot) for slot in Slot)
    shutil.rmtree(green)
    shutil.copytree(blue, green)
    with pytest.raises(SignatureError, match="green does not hold release"):
        raise_afresh(paths)


def test_a_release_that_broke_in_its_slot_is_promoted_again(built, gates, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    damage(paths, Slot.BLUE)
    promote("1.0.0", gates)
    assert read_pointer(paths).active.slot is Slot.GREEN
    raise_afresh(paths)


def test_asking_costs_one_stat(built, gates, paths, monkeypatch):
    built("1.0.0")
    promote("1.0.0", gates)
    first = active(paths)
    monkeypatch.setattr("cli_tuner.release.slots._in_force", lambda _: pytest.fail("read again"))
    assert active(paths) is first
    began = time.perf_counter()
    for _ in range(1000):
        active(paths)
    assert time.perf_counter() - began < 1.0


def test_a_canary_gets_its_share_and_always_the_same_requests(three, gates, paths):
    promote("1.0.0", gates)
    canary("1.1.0", 20, gates)
    found = active(paths)
    ids = [new_request_id() for _ in range(5000)]
    chosen = {one: found.held_for(one).manifest.version for one in ids}
    share = sum(name == "1.1.0" for name in chosen.values()) / len(ids)
    assert 0.17 < share < 0.23
    assert all(found.held_for(one).manifest.version == name for one, name in chosen.items())
    wider = {one for one in ids if in_share(one, 40)}
    assert {one for one, name in chosen.items() if name == "1.1.0"} <= wider


@pytest.mark.parametrize(("percent", "all_or_none"), [(0, False), (100, True)])
def test_a_share_of_nothing_and_of_everything(percent, all_or_none):
    assert {in_share(new_request_id(), percent) for _ in range(500)} == {all_or_none}


def test_rollback_ends_a_canary_and_leaves_the_active_one(three, gates, paths):
    promote("1.0.0", gates)
    canary("1.1.0", 50, gates)
    damage(paths, Slot.GREEN)
    rollback(paths)
    found = active(paths)
    assert (found.active.manifest.version, found.canary) == ("1.0.0", None)


def test_a_canary_that_did_well_is_promoted_in_its_slot(three, gates, paths):
    promote("1.0.0", gates)
    canary("1.1.0", 5, gates)
    inode = slot_folder(paths, Slot.GREEN).stat().st_ino
    promote("1.1.0", gates)
    pointer = read_pointer(paths)
    assert (pointer.active.version, pointer.active.slot) == ("1.1.0", Slot.GREEN)
    assert (pointer.previous.version, pointer.canary, pointer.share) == ("1.0.0", None, 0)
    assert slot_folder(paths, Slot.GREEN).stat().st_ino == inode
    rollback(paths)
    assert version(paths) == "1.0.0"


def test_a_canary_needs_an_active_release_that_is_another(three, gates):
    with pytest.raises(ReleaseError, match="nothing is active yet"):
        canary("1.0.0", 5, gates)
    promote("1.0.0", gates)
    with pytest.raises(ReleaseError, match="is active"):
        canary("1.0.0", 5, gates)


def test_one_switch_at_a_time(three, gates, paths, monkeypatch):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    monkeypatch.setattr("cli_tuner.release.switching._PATIENCE_S", 0.2)
    with lock(paths):
        with pytest.raises(ReleaseError, match="another switch"):
            promote("2.0.0", gates)
        with pytest.raises(ReleaseError, match="another switch"):
            rollback(paths)
    assert version(paths) == "1.1.0"


def test_an_unreadable_pointer_says_what_to_do(built, gates, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    (releases(paths) / POINTER).write_text("{")
    for attempt in (lambda: active(paths), lambda: rollback(paths)):
        with pytest.raises(ReleaseError, match="move it away"):
            attempt()


def test_a_log_that_cannot_be_written_stops_no_rollback(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    log = releases(paths) / "promotions.jsonl"
    log.rename(log.with_suffix(".moved"))
    log.mkdir()
    done = rollback(paths)
    assert version(paths) == "1.0.0"
    assert done.unlogged


def test_a_changed_log_is_found(built, gates, paths):
    built("1.0.0")
    promote("1.0.0", gates)
    log = releases(paths) / "promotions.jsonl"
    log.write_text(log.read_text().replace('"1.0.0"', '"1.0.1"', 1))
    with pytest.raises(ReleaseError, match="a line was changed"):
        list(events(paths))


def test_a_refused_release_leaves_everything_as_it_was(three, gates, paths):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    before = (releases(paths) / POINTER).read_bytes()
    bad = replace(gates, backend=lambda *_: (_ for _ in ()).throw(ReleaseError("does not load")))
    with pytest.raises(ReleaseError):
        promote("2.0.0", bad)
    assert (releases(paths) / POINTER).read_bytes() == before
    assert json.loads(before)["previous"]["version"] == "1.0.0"


def test_a_full_disk_leaves_what_was_active(three, gates, paths, monkeypatch):
    promote("1.0.0", gates)
    promote("1.1.0", gates)
    before = (releases(paths) / POINTER).read_bytes()

    def full(_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReleaseError, match="what was active still is"):
        rollback(paths)
    assert (releases(paths) / POINTER).read_bytes() == before
