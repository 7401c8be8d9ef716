"""Work on several things at once, and answer in their order."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int,
    may_begin: Callable[[], bool] = lambda: True,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Result]:
    """
    The results of all items that were begun, in their order.

    Args:
        work: done for each item. What it raises ends the whole and is raised here: what has begun
            comes to its end, nothing else begins.
        items: in the order in which they are begun.
        workers: how many are worked on at once; 1 works in the caller's own thread.
        may_begin: asked before each item; one no is final. Called by one worker at a time.
        progress: called with how many are done, of how many; by one worker at a time.

    """
    waiting: Iterator[tuple[int, Item]] = iter(enumerate(items))
    results: dict[int, Result] = {}
    lock = Lock()

    def stop() -> None:
        nonlocal waiting
        waiting = iter(())

    def begun() -> tuple[int, Item] | None:
        with lock:
            if not may_begin():
                stop()
            return next(waiting, None)

    def keep_working() -> None:
        try:
            while (numbered := begun()) is not None:
                number, item = numbered
                result = work(item)
                with lock:
                    results[number] = result
                    progress(len(results), len(items))
        except BaseException:
            stop()
            raise

    hands = min(workers, len(items))
    if hands <= 1:  # in the caller's own thread: the way of most calls stays easy to follow
        keep_working()
    else:
        with ThreadPoolExecutor(hands) as pool:
            hired = [pool.submit(keep_working) for _ in range(hands)]
        for hand in hired:
            hand.result()
    return [results[number] for number in sorted(results)]
