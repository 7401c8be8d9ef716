"""
What the notifier takes of a week or a month: a report's summary, checked and read.

Each field of `report_of_period.ReportForm` has its check here. The bus takes events from the whole
organisation, so nothing in it is taken for granted.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, validate, validates_schema
from marshmallow import fields as rules

from keyturn.domain.account_period import ListName, PeriodLine
from keyturn.domain.errors import InvalidValue
from keyturn.domain.figures import FigureName
from keyturn.domain.period import Period, PeriodKind
from keyturn.domain.period_report import PeriodList, PeriodReport
from keyturn.domain.tag_text import moment
from keyturn.domain.worst_lines import LONGEST, WORST
from keyturn.schemas.from_bus import OBJECT, FromBus, detail_of, is_due
from keyturn.schemas.lines_given import MOST_COUNTED, counted
from keyturn.schemas.report_of_period import VERSION
from keyturn.schemas.rules import (
    ACCOUNT_ID,
    KEY_ID,
    QUEUE_HOLDS,
    Flag,
    IsoDay,
    LenientSchema,
    Plain,
    check_age,
    text_of_at_most,
    word_of,
)
from keyturn.schemas.worst_lines import LONGEST_NAME_SHOWN


class _Number(rules.Float):
    """A number, and no text that could be read as one."""

    def _validated(self, value: Any) -> float:  # noqa: ANN401 -- as marshmallow hands it over
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid")
        found = super()._validated(value)
        # How many there are is shown as it is, and not as 3.0.
        return value if isinstance(value, int) else float(found or 0)


class _Line(LenientSchema):
    account = rules.String(required=True, validate=ACCOUNT_ID)
    name = text_of_at_most(LONGEST_NAME_SHOWN, required=True)
    user = text_of_at_most(LONGEST_NAME_SHOWN, required=True, allow_none=True)
    key = rules.String(required=True, allow_none=True, validate=KEY_ID)
    age = Plain(int, required=True, allow_none=True, validate=validate.Range(0, MOST_COUNTED))
    since = IsoDay(required=True, allow_none=True)
    since_known = Flag(required=True)
    what = text_of_at_most(LONGEST, required=True)
    ticket = text_of_at_most(LONGEST, required=True)
    reason = text_of_at_most(LONGEST, required=True)
    owner = text_of_at_most(LONGEST, required=True)
    expiry = IsoDay(required=True, allow_none=True)
    dry_run = Flag(required=True)


class _List(LenientSchema):
    total = counted()
    worst = rules.List(rules.Nested(_Line), required=True, validate=validate.Length(max=WORST))

    @validates_schema
    def _counts_what_it_shows(self, data: Mapping[str, Any], **_: object) -> None:
        if data["total"] < len(data["worst"]):
            raise ValidationError("is less than the lines that are shown", "total")


def _no_lines() -> Mapping[str, Any]:
    """Of a list that a reporter of the version before does not write."""
    return {"total": 0, "worst": []}


class _Report(LenientSchema):
    version = Plain(
        int, required=True, validate=validate.Equal(VERSION, error="is of another version")
    )
    kind = rules.String(required=True, validate=word_of(PeriodKind))
    first = IsoDay(required=True)
    made = rules.String(required=True)
    over = Flag(required=True)
    whole = Flag(required=True)
    remarks = rules.List(
        text_of_at_most(LONGEST), required=True, validate=validate.Length(max=WORST)
    )
    figures = rules.Dict(
        rules.String(validate=word_of(FigureName)),
        _Number(allow_none=True, validate=validate.Range(-MOST_COUNTED, MOST_COUNTED)),
        required=True,
    )
    lists = rules.Nested(
        LenientSchema.from_dict(
            {str(name): rules.Nested(_List, load_default=_no_lines) for name in ListName}
        ),
        required=True,
    )
    course = text_of_at_most(LONGEST, load_default="")
    csv = rules.String(required=True, validate=OBJECT)
    page = rules.String(required=True, validate=OBJECT)
    fleet = rules.String(load_default="", validate=OBJECT)


class _Detail(LenientSchema):
    report = rules.Nested(_Report, required=True)


class _ReportDue(FromBus):
    detail = rules.Nested(_Detail, required=True)


def is_report_due(event: object) -> bool:
    """Whether it is for `read_report_due`, whatever it holds: it goes by the digest's own name."""
    return is_due(event, "report")


def read_report_due(event: object, *, own_account: str, now: datetime) -> PeriodReport:
    """
    Read the report of a `Digest Due` event, without its tables.

    Raises InvalidValue where it is none of ours, Stale where it was made before any queue can have
    held it.
    """
    detail = detail_of(_ReportDue(), event, own_account=own_account, what="report")
    found = detail["report"]
    made = moment(found["made"])
    if made is None:
        raise InvalidValue("detail.report.made", found["made"], "must be a time")
    check_age("detail.report.made", made, now, QUEUE_HOLDS)
    period = Period.of(PeriodKind(found["kind"]), found["first"])
    if period.first != found["first"] or period.first > made.date():
        raise InvalidValue("detail.report.first", found["first"], "must begin a week or a month")
    return PeriodReport(
        period=period,
        made=made,
        is_over=found["over"],
        is_whole=found["whole"],
        figures={FigureName(name): value for name, value in found["figures"].items()},
        lists={name: _list(found["lists"][name]) for name in ListName},
        accounts=(),
        accounts_more=0,
        trend=(),
        course=found["course"],
        remarks=tuple(found["remarks"]),
        csv=found["csv"],
        page=found["page"],
        fleet=found["fleet"],
    )


def _list(found: Mapping[str, Any]) -> PeriodList:
    return PeriodList(total=found["total"], worst=tuple(map(_line, found["worst"])))


def _line(line: Mapping[str, Any]) -> PeriodLine:
    return PeriodLine(
        account=line["account"],
        name=line["name"],
        user=line["user"],
        key_id=line["key"],
        age=line["age"],
        since=line["since"],
        is_since_known=line["since_known"],
        what=line["what"],
        ticket=line["ticket"],
        reason=line["reason"],
        owner=line["owner"],
        expiry=line["expiry"],
        dry_run=line["dry_run"],
    )
