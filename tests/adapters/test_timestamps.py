"""What we read as a time is what botocore reads, in every form that AWS sends."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from keyturn.adapters.timestamps import read_timestamp

MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001 -- the forms below say UTC
DIGITS = st.integers(0, 8).map(lambda places: "." + "123456789"[:places] if places else "")
ZONES = ["Z", "z", "", "+00:00", "-08:00", "+0530", " GMT"]


@st.composite
def forms(draw: st.DrawFn) -> object:
    """A time as AWS writes it, or nearly."""
    moment = draw(MOMENTS)
    year = f"{moment.year:04}"  # strftime leaves zeros out
    iso = f"{year}-{moment:%m-%dT%H:%M:%S}"
    return draw(
        st.one_of(
            st.builds(lambda part, zone: f"{iso}{part}{zone}", DIGITS, st.sampled_from(ZONES)),
            st.just(format_datetime(moment.replace(tzinfo=UTC), usegmt=True)),
            st.just(f"{moment:%A, %d-%b-%y %H:%M:%S} GMT"),
            st.just(f"{year}{moment:%m%dT%H%M%SZ}"),
            st.just((moment - datetime(1970, 1, 1)) / timedelta(seconds=1)),  # noqa: DTZ001 -- likewise
            st.integers(-(10**9), 4 * 10**9),
            st.integers(0, 4 * 10**9).map(str),
            st.floats(0, 4e9).map(str),
        )
    )


def said_of(read: object, value: object) -> tuple[object, ...]:
    """The moment and its distance from UTC; or the error."""
    assert callable(read)
    try:
        moment = read(value)
    except (ValueError, OverflowError) as error:
        return (type(error), str(error))
    return (moment, moment.utcoffset(), moment.tzname())


@pytest.fixture(params=["UTC", "Europe/London", "America/St_Johns"], scope="module")
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@given(value=forms())
def test_a_time_is_read_as_botocore_reads_it(zone: str, value: object) -> None:
    assert zone
    assert said_of(read_timestamp, value) == said_of(parse_timestamp, value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30T05:00:00Z",
        "0000-01-01T05:00:00Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T23:59:60Z",
        "Mon, 31 Feb 2026 05:00:00 GMT",
        "Mon, 02 Mar 2026 25:00:00 GMT",
        "Tue, 02 Mar 2026 05:00:00 GMT",  # a Monday
        "２０２６-03-02T05:00:00Z",  # noqa: RUF001 -- digits, but not AWS's
        "2026-03-02T05:00:00Z\n",
        "",
        "never",
        "N/A",
    ],
)
def test_what_is_hardly_a_time_is_left_to_botocore(value: str) -> None:
    assert said_of(read_timestamp, value) == said_of(parse_timestamp, value)
