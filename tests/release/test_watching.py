from datetime import UTC, datetime, timedelta

import pytest

from cli_tuner.journal import Journal
from cli_tuner.records import (
    Caller,
    Latency,
    Level,
    ModelIdentity,
    PerformanceRecord,
    ProvenanceRecord,
    RefusalCode,
    Safety,
    new_request_id,
)
from cli_tuner.release.log import events
from cli_tuner.release.manifest import Bounds
from cli_tuner.release.slots import Slot, in_share, read_pointer, slot_folder
from cli_tuner.release.switching import canary, promote
from cli_tuner.release.watching import Sign, watch

BOUNDS = Bounds(watch_requests_min=10, watch_minutes=5.0, latency_p95_ms=1000.0)


@pytest.fixture
def promoted(built, gates):
    built("1.0.0", bounds=BOUNDS)
    built("1.1.0", bounds=BOUNDS)
    promote("1.0.0", gates)
    promote("1.1.0", gates)


def answered(paths, count, *, level=Level.SAFE, valid=True, ms=100.0, after_s=1.0, ids=None):
    journal = Journal(paths)
    since = read_pointer(paths).since
    for number in range(count):
        request_id = ids[number] if ids else new_request_id()
        at = since + timedelta(seconds=after_s)
        journal.record(
            ProvenanceRecord(
                request_id=request_id,
                timestamp=at,
                caller=Caller.HTTP,
                user_hmac=journal.user_hmac(),
                query_hmac=journal.query_hmac("x"),
                query=None,
                command=None,
                command_sha256=None,
                level=level,
                rule_ids=(),
                refusal=None if valid else RefusalCode.DANGEROUS,
                safety=Safety.MODERATE,
                model=ModelIdentity(name="tiny", backend="local", engine="test"),
                template_sha256=None,
                ruleset_digest=None,
                policy_digest=None,
                code_version="0",
            ),
            PerformanceRecord(
                request_id=request_id,
                timestamp=at,
                latency=Latency(inference_ms=ms),
                valid=valid,
                level=level,
                model="tiny",
            ),
        )


def test_nothing_active_is_nothing_to_watch(paths):
    assert watch(paths) is None


def test_few_requests_say_nothing(promoted, paths):
    answered(paths, 9, valid=False, level=None)
    assert watch(paths).sign is Sign.TOO_FEW


def test_good_requests_are_fine_and_then_it_is_over(promoted, paths):
    answered(paths, 12)
    assert watch(paths).sign is Sign.FINE
    assert watch(paths, datetime.now(UTC) + timedelta(hours=1)).sign is Sign.OVER
    assert [one.event for one in events(paths)][-1] == "watched"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"valid": False, "level": None}, "errors are 29.4% of at most 25.0%"),
        ({"valid": False, "level": Level.DANGEROUS}, "dangerous are 29.4% of at most 10.0%"),
        ({"ms": 3000.0}, "latency p95 is 3000 ms of at most 1000"),
    ],
)
def test_what_is_too_much_is_bad(promoted, paths, bad, said):
    answered(paths, 12)
    answered(paths, 5, **bad)
    found = watch(paths)
    assert (found.sign, found.version, found.requests) == (Sign.BAD, "1.1.0", 17)
    assert said in found.reason


def test_what_was_before_the_switch_or_after_the_window_does_not_count(promoted, paths):
    answered(paths, 30, valid=False, level=None, after_s=-60)
    answered(paths, 30, valid=False, level=None, after_s=600)
    answered(paths, 12)
    assert watch(paths).sign is Sign.FINE


def test_a_canary_is_judged_by_its_own_requests(built, gates, paths):
    built("1.0.0", bounds=BOUNDS)
    built("1.1.0", bounds=BOUNDS)
    promote("1.0.0", gates)
    canary("1.1.0", 30, gates)
    ids = [new_request_id() for _ in range(120)]
    own = [one for one in ids if in_share(one, 30)]
    others = [one for one in ids if not in_share(one, 30)]
    answered(paths, len(others), ids=others, valid=False, level=None)
    answered(paths, len(own), ids=own)
    found = watch(paths)
    assert (found.sign, found.version, found.requests) == (Sign.FINE, "1.1.0", len(own))


def test_a_release_that_is_not_whole_is_bad_at_once(promoted, paths):
    (slot_folder(paths, Slot.GREEN) / "manifest.json").unlink()
    found = watch(paths)
    assert found.sign is Sign.BAD
    assert "no manifest.json" in found.reason
