import threading

import pytest
import torch

from joint_ie.heads.workers import Workers, on_every_core

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def state(part: int) -> tuple:
    """What a part may depend on, and where it ran."""
    cast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu")
    return part, torch.get_num_threads(), torch.is_grad_enabled(), cast, threading.get_ident()


@pytest.mark.parametrize("cast", [True, False])
def test_parts_run_on_cores_of_their_own_as_they_would_here(two_threads, cast: bool) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=cast):
        found = list(on_every_core(CPU, state, iter(range(9))))
    assert [part for part, *_ in found] == list(range(9))
    assert {one[1:4] for one in found} == {(1, False, cast and torch.bfloat16)}
    assert threading.get_ident() not in {one[4] for one in found}
    assert torch.get_num_threads() == 2


def test_what_cannot_or_need_not_be_shared_out_runs_here(two_threads) -> None:
    here = threading.get_ident()
    assert [one[4] for one in on_every_core(CPU, state, range(3))] == [here] * 3  # gradients are wanted
    with torch.no_grad():
        assert [one[4] for one in on_every_core(CPU, state, range(1))] == [here]
        assert list(on_every_core(CPU, state, [])) == []
        assert [one[4] for one in on_every_core(torch.device("meta"), state, range(3))] == [here] * 3


def test_workers_do_not_start_others(two_threads) -> None:
    def work() -> tuple[int, set[int]]:
        with torch.no_grad():
            return threading.get_ident(), {one[4] for one in on_every_core(CPU, state, range(3))}

    with Workers() as workers:
        here, used = workers.submit(work).result()
    assert used == {here}


def test_parts_are_taken_when_they_can_be_worked_at(two_threads) -> None:
    taken = []

    def parts():
        for number in range(20):
            taken.append(number)
            yield number

    with torch.no_grad():
        results = on_every_core(CPU, state, parts())
        next(results)
        assert len(taken) <= 4
        results.close()  # who stops early leaves no threads behind
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("joint-ie")]


def test_errors_arrive(two_threads) -> None:
    def fails(part: int) -> int:
        if part == 3:
            raise ValueError("three")
        return part

    with torch.no_grad(), pytest.raises(ValueError, match="three"):
        list(on_every_core(CPU, fails, range(8)))
