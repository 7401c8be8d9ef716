"""A report takes the memory of what it keeps, and not of what it reads."""

from keyturn.domain.figures import FigureName
from tests.report.many import ManyAccounts, peak_of, report_of


def test_of_a_few_hundred_accounts_more_only_the_lines_that_are_kept_take_memory() -> None:
    few, many = (ManyAccounts(accounts=number, keys=20, days=2) for number in (70, 280))

    small, large = peak_of(few), peak_of(many)

    assert many.read_bytes > 3.5 * few.read_bytes
    assert large - small < (many.read_bytes - few.read_bytes) / 4


def test_every_account_is_counted_and_the_lists_are_cut() -> None:
    report = report_of(ManyAccounts(accounts=300, keys=20, days=7))

    assert report.is_whole
    assert report.figures[FigureName.KEYS] == 300 * 20
    overdue = report.lists["overdue"]  # type: ignore[index]  # a StrEnum's own word
    assert (overdue.total, len(overdue.worst)) == (300 * 2, 500)
    assert report.figures[FigureName.KEYS_OVERDUE] == overdue.total
