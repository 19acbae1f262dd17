"""A few at a time, in the order of asking, and never more tokens than there are."""

from __future__ import annotations

import threading
import time

import pytest

from cli_tuner.backends.protocol import never
from cli_tuner.backends.turns import Turns
from cli_tuner.errors import Cancelled


class Worker(threading.Thread):
    """Holds a turn until told to let go."""

    def __init__(self, turns: Turns, tokens: int) -> None:
        super().__init__(daemon=True)
        self._turns, self._tokens = turns, tokens
        self.has_turn, self.may_go = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self._turns.taken(self._tokens, never):
            self.has_turn.set()
            self.may_go.wait(10)

    def let_go(self) -> None:
        self.may_go.set()
        self.join(10)


def test_no_more_than_the_slots_work_at_once():
    turns = Turns(2, 100)
    workers = [Worker(turns, 1) for _ in range(3)]
    assert all(worker.has_turn.wait(5) for worker in workers[:2])
    assert not workers[2].has_turn.wait(0.2)
    workers[0].let_go()
    assert workers[2].has_turn.wait(5)
    for worker in workers:
        worker.let_go()


def test_a_long_request_waits_for_room_and_nobody_overtakes_it():
    turns = Turns(4, 100)
    first = Worker(turns, 60)
    assert first.has_turn.wait(5)
    long = Worker(turns, 80)
    time.sleep(0.1)
    short = Worker(turns, 10)
    assert not long.has_turn.wait(0.2)
    assert not short.has_turn.is_set()
    first.let_go()
    assert long.has_turn.wait(5)
    assert short.has_turn.wait(5)
    long.let_go()
    short.let_go()


def test_a_request_for_more_than_there_is_gets_all_of_it():
    turns = Turns(2, 100)
    with turns.taken(1000, never):
        waiting = Worker(turns, 1)
        assert not waiting.has_turn.wait(0.2)
    assert waiting.has_turn.wait(5)
    waiting.let_go()


def test_who_is_cancelled_while_waiting_leaves_the_queue():
    turns = Turns(1, 100)
    holder = Worker(turns, 1)
    assert holder.has_turn.wait(5)
    began = time.monotonic()
    with (
        pytest.raises(Cancelled),
        turns.taken(1, lambda: time.monotonic() - began > 0.2),
    ):
        pytest.fail("it had a turn")
    assert time.monotonic() - began < 1
    holder.let_go()
    with turns.taken(100, never):
        pass


def test_who_is_cancelled_before_it_begins_takes_nothing():
    turns = Turns(1, 100)
    with pytest.raises(Cancelled), turns.taken(1, lambda: True):
        pytest.fail("it had a turn")
    with turns.taken(100, never):
        pass


def test_a_turn_is_given_back_when_the_work_fails():
    turns = Turns(1, 100)
    with pytest.raises(ZeroDivisionError), turns.taken(100, never):
        raise ZeroDivisionError
    with turns.taken(100, never):
        pass


def test_who_asks_alone_gets_the_same_slot_each_time():
    turns = Turns(3, 100)
    for _ in range(3):
        with turns.taken(1, never) as slot:
            assert slot == 0
    with turns.taken(1, never) as first, turns.taken(1, never) as second:
        assert (first, second) == (0, 1)
    with turns.taken(1, never) as slot:
        assert slot == 0


def test_waiting_for_nobody_ends_when_the_last_turn_does():
    turns = Turns(2, 100)
    holder = Worker(turns, 1)
    assert holder.has_turn.wait(5)
    waiting = threading.Thread(target=turns.wait_idle)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    holder.let_go()
    waiting.join(5)
    assert not waiting.is_alive()
