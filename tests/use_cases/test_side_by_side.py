"""Several at once: in order, and not one more than may begin."""

from threading import Barrier, Lock

import pytest

from keyturn.use_cases.side_by_side import side_by_side


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert side_by_side(lambda n: n * n, range(20), workers=workers) == [n * n for n in range(20)]


def test_as_many_work_at_once_as_there_are_workers() -> None:
    together = Barrier(4, timeout=10)

    def work(number: int) -> int:
        together.wait()  # breaks unless four are here at once
        return number

    assert side_by_side(work, range(8), workers=4) == list(range(8))


@pytest.mark.parametrize("workers", [1, 4])
def test_a_no_is_final_and_what_began_are_the_first_ones(workers: int) -> None:
    answers = iter([True, True, True, False, *[True] * 20])

    begun = side_by_side(lambda n: n, range(20), workers=workers, may_begin=lambda: next(answers))

    assert begun == [0, 1, 2]


@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_ends_it_and_nothing_new_begins(workers: int) -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise KeyError(number)

    with pytest.raises(KeyError):
        side_by_side(work, range(100), workers=workers)

    assert len(begun) <= workers


def test_progress_is_told_by_one_at_a_time_and_reaches_the_end() -> None:
    lock, seen = Lock(), list[tuple[int, int]]()

    def progress(done: int, of: int) -> None:
        assert lock.acquire(blocking=False)
        seen.append((done, of))
        lock.release()

    side_by_side(lambda n: n, range(50), workers=8, progress=progress)

    assert seen == [(n, 50) for n in range(1, 51)]


def test_nothing_to_do_needs_nobody() -> None:
    assert side_by_side(lambda n: n, range(0), workers=8) == []
