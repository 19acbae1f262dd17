"""Several endpoints as one backend."""

import threading

import pytest

from cli_tuner.backends.http import HttpBackend
from cli_tuner.backends.protocol import Sampling
from cli_tuner.errors import BackendError, BackendTimeout, BackendUnreachable, Cancelled
from cli_tuner.service.fleet import Fleet


class Member(HttpBackend):
    """An endpoint of whom only the answers are played."""

    def __init__(self, name):
        super().__init__(f"http://{name}.invalid", model="m")
        self.name = name
        self.asked = 0
        self.error = None
        self.gate = threading.Event()
        self.gate.set()

    def complete(self, request, sampling, cancelled=lambda: False):
        self.asked += 1
        self.gate.wait(5)
        if self.error is not None:
            raise self.error
        return self.name

    def sample(self, request, sampling, count, cancelled=lambda: False):
        return (self.complete(request, sampling),) * count

    def probe(self):
        if self.error is not None:
            raise self.error


@pytest.fixture
def members():
    made = [Member(name) for name in "abc"]
    yield made
    for member in made:
        member.close()


def ask(fleet):
    return fleet.complete(None, Sampling())


def test_the_load_is_shared(members):
    fleet = Fleet(members)
    for _ in range(9):
        ask(fleet)
    assert [member.asked for member in members] == [3, 3, 3]


def test_who_is_busy_is_asked_less(members):
    fleet = Fleet(members)
    members[0].gate.clear()
    stuck = threading.Thread(target=ask, args=(fleet,))
    stuck.start()
    while not members[0].asked:
        pass
    for _ in range(6):
        ask(fleet)
    members[0].gate.set()
    stuck.join()
    assert [member.asked for member in members] == [1, 3, 3]


@pytest.mark.parametrize("error", [BackendUnreachable("gone"), BackendError("HTTP 500")])
def test_another_answers_for_one_that_fails(members, error):
    fleet = Fleet(members)
    members[0].error = error
    assert {ask(fleet) for _ in range(6)} == {"b", "c"}


def test_samples_come_from_one_endpoint_or_from_another_if_it_fails(members):
    fleet = Fleet(members)
    members[0].error = BackendError("HTTP 500")
    assert fleet.sample(None, Sampling(), 3) == ("b", "b", "b")
    assert members[0].asked == 1


def test_one_that_is_gone_is_not_asked_until_it_answers_a_probe(members):
    fleet = Fleet(members)
    members[0].error = BackendUnreachable("gone")
    for _ in range(9):
        ask(fleet)
    assert members[0].asked == 1
    assert fleet.probe()["http://a.invalid"] == "gone"
    members[0].error = None
    assert fleet.probe()["http://a.invalid"] is None
    for _ in range(9):
        ask(fleet)
    assert members[0].asked > 1


def test_when_all_fail_the_reason_is_heard(members):
    for member in members:
        member.error = BackendUnreachable("gone")
    with pytest.raises(BackendUnreachable, match="gone"):
        ask(Fleet(members))


@pytest.mark.parametrize("error", [Cancelled("left"), BackendTimeout("slow")])
def test_one_who_left_or_waited_long_is_not_asked_for_again(members, error):
    members[0].error = error
    with pytest.raises(type(error)):
        ask(Fleet(members))
    assert [member.asked for member in members] == [1, 0, 0]
