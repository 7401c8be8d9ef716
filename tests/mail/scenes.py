"""
The mails of the samples, as files.

`python -m tests.mail.scenes` writes the golden mails anew; `… FOLDER` writes every mail of
every scene into a folder, to be looked at.
"""

import sys
from pathlib import Path

from keyturn.domain.notice_content import NoticeContent
from keyturn.mail.letterhead import Letterhead
from keyturn.mail.renderer import Mails
from keyturn.mail.samples import ADMIN, CHANGES, SCENES, every_mail
from keyturn.mail.samples_of_day import DAYS
from keyturn.mail.samples_of_period import REPORTS

GOLDEN = Path(__file__).parent / "golden"


def as_files(name: str, about: NoticeContent) -> dict[str, str]:
    """Give the files of a mail: the text begins with the subject."""
    mails = Mails(Letterhead(admin=ADMIN))
    mail = mails.mail_of(about)
    return {f"{name}.txt": f"{mail.subject}\n\n{mail.text}", f"{name}.html": mail.html}


if __name__ == "__main__":
    folder, scenes = (Path(sys.argv[1]), every_mail()) if sys.argv[1:] else (GOLDEN, SCENES)
    folder.mkdir(parents=True, exist_ok=True)
    everything: dict[str, NoticeContent] = {**scenes, **CHANGES, **DAYS, **REPORTS}
    for scene, about in everything.items():
        for file_name, content in as_files(scene, about).items():
            (folder / file_name).write_text(content, encoding="utf-8")
