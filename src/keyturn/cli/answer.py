"""Where the answer of `plan` and `run` goes, and in which form."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import StringIO

from keyturn.cli.consoles import make_console, text_console
from keyturn.cli.markdown import as_markdown
from keyturn.cli.options import Output, PlanFormat
from keyturn.cli.report import Report, as_csv, as_csv_for_excel, as_json
from keyturn.cli.result_file import result_file
from keyturn.cli.session import CliSession
from keyturn.cli.streams import write_answer
from keyturn.cli.tables import is_enforced, print_report, what_it_holds
from keyturn.domain.errors import KeyturnError

FILE_WIDTH = 120
"""Columns of a table that goes into a file."""


class AnswerWriter:
    """The way that the answer of `plan` or `run` takes."""

    def __init__(self, output: Output, put: Callable[[str], None] | None) -> None:
        """put: what writes it to a file; None: it goes to standard output."""
        self._output = output
        self._put = put

    def give(self, cli_session: CliSession, report: Report, *, only_acts: bool = False) -> int:
        """
        Write it, say what went wrong, and give the exit code.

        A file may turn out to be full when all is done: what went wrong is said before, and of
        what was done the answer is given all the same.
        """
        if self._put is None:
            self._print(report, only_acts=only_acts)
            return cli_session.close(report)
        code = cli_session.close(report)
        try:
            self._put(self._text(report, FILE_WIDTH))
        except KeyturnError:
            if is_enforced(report):
                self._print(report, only_acts=only_acts)
            raise
        cli_session.say(f"wrote {self._output.output}: {what_it_holds(report)}")
        return code

    def _print(self, report: Report, *, only_acts: bool) -> None:
        console = make_console()
        if self._output.format is PlanFormat.TABLE and console.is_terminal:
            print_report(console, report, every_key=self._output.all, only_acts=only_acts)
        else:
            text = self._text(report, console.width, only_acts=only_acts)
            write_answer(text, is_table=self._output.format is PlanFormat.TABLE)

    def _text(self, report: Report, width: int, *, only_acts: bool = False) -> str:
        match self._output.format:
            case PlanFormat.JSON:
                return as_json(report)
            case PlanFormat.CSV:
                return as_csv(report)
            case PlanFormat.EXCEL:
                return as_csv_for_excel(report)
            case PlanFormat.MARKDOWN:
                return as_markdown(report, every_key=self._output.all, only_acts=only_acts)
        text = StringIO()
        console = text_console(text, width)
        print_report(console, report, every_key=self._output.all, only_acts=only_acts)
        return text.getvalue()


@contextmanager
def opened(output: Output) -> Generator[AnswerWriter]:
    """Open the file for the answer, if there is to be one, before anything else happens."""
    if output.output is None or str(output.output) == "-":
        yield AnswerWriter(output, None)
        return
    with result_file(output.output) as put:
        yield AnswerWriter(output, put)
