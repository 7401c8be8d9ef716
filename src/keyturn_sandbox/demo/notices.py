"""The notices of each key, as a page and as CSV: what was due and sent, and what became of it."""

from collections.abc import Iterator, Mapping
from itertools import chain

from keyturn.schemas.plan_csv import csv_text
from keyturn_sandbox.demo.fates import Fate, fates_of
from keyturn_sandbox.demo.lists import NoticeLine, NoticesOfKey
from keyturn_sandbox.demo.page import fate_in_words, mail_lines, step_in_words
from keyturn_sandbox.judge.evidence import ACTIVE, DELETED, INACTIVE
from keyturn_sandbox.judge.history import KeyStory
from keyturn_sandbox.simulation.demonstration import Result
from keyturn_sandbox.simulation.deployment import PREFIX
from keyturn_sandbox.simulation.notices import KeyNotices, NoticePair

COLUMNS = (
    "account",
    "account_name",
    "user",
    "key",
    "path",
    "notice",
    "about",
    "due_on",
    "due_to",
    "sent_on",
    "sent_to",
    "channel",
    "fate",
    "fate_at",
    "why",
    "mail",
)
_STATUSES = {ACTIVE: "enabled again", INACTIVE: "disabled", DELETED: "deleted"}


def notices_of_keys(result: Result) -> tuple[NoticesOfKey, ...]:
    """Each key that has notices, or should have, by account, user and age."""
    written = _Written(result)
    return tuple(
        NoticesOfKey(
            account_name=written.names[key.story.account],
            user=key.story.holder.name,
            key_id=key.story.key_id,
            path=_path(result, key.story),
            notices=tuple(written.line(pair) for pair in key.notices),
        )
        for key in written.in_order()
        if key.notices
    )


def notices_csv(result: Result) -> str:
    """The same, a line a notice."""
    written = _Written(result)
    rows = chain.from_iterable(written.rows(key) for key in written.in_order())
    return csv_text(COLUMNS, rows)


class _Written:
    """What the demo has written, by what a notice knows of itself."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._fates: Mapping[str, Fate] = fates_of(result.objects, prefix=PREFIX)
        self._paths = {
            mail.message_id: line.path
            for mail, line in zip(result.evidence.mails, mail_lines(result), strict=True)
        }
        self.names = {each.account_id: each.name for each in result.company.accounts}

    def in_order(self) -> list[KeyNotices]:
        """The keys as the page has them."""

        def place(key: KeyNotices) -> tuple[str, str, str]:
            made = key.story.created.isoformat()
            return self.names[key.story.account], key.story.holder.name, made

        return sorted(self._result.notices.keys, key=place)

    def line(self, pair: NoticePair) -> NoticeLine:
        """A notice on the page."""
        sent, said = pair.sent, pair.sent or pair.due
        fate = self._fates.get(sent.mail.message_id) if sent else None
        return NoticeLine(
            on=pair.on,
            what="" if said is None else step_in_words(said.step, said.about.isoformat()),
            to="" if said is None else said.to,
            mail=self._paths.get(sent.mail.message_id) if sent else None,
            fate=fate_in_words(sent.mail, fate) if sent else "",
            is_void=fate is not None and fate.is_void,
            wrong=pair.wrong,
        )

    def rows(self, key: KeyNotices) -> Iterator[tuple[object, ...]]:
        """The lines of a key in the CSV."""
        story = key.story
        for pair in key.notices:
            sent, due, said = pair.sent, pair.due, pair.sent or pair.due
            fate = self._fates.get(sent.mail.message_id) if sent else None
            yield (
                story.account,
                self.names[story.account],
                story.holder.name,
                story.key_id,
                _path(self._result, story),
                said.step if said else "",
                said.about if said else "",
                due.on if due else "",
                due.to if due else "",
                sent.on if sent else "",
                sent.to if sent else "",
                fate.channel if fate else "",
                fate.last.word if fate else "",
                fate.last.at.isoformat() if fate else "",
                fate.last.why if fate else "",
                self._paths.get(sent.mail.message_id, "") if sent else "",
            )


def _path(result: Result, story: KeyStory) -> str:
    """What became of a key, in a few words."""
    born = story.created >= result.days[0].began
    maker = "made by Keyturn" if story.made_by_keyturn else "made by a person"
    turns = [
        f"{_STATUSES[change.status]} by {'Keyturn' if change.by_keyturn else 'a person'}"
        for change in story.changes[1:]
    ]
    return ", ".join([maker if born else "there before", *turns])
