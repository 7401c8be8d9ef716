"""Where `keyturn deploy` takes what it brings along: this installation, or a checkout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol

from keyturn.deployment.model.zip_parts import ZipParts
from keyturn.domain.errors import InvalidValue

TEMPLATES = "CloudFormation"
PIECES = "functions.bin"
INDEX = "functions.json"
_HERE = "keyturn.deployment"
_BUNDLE = "bundle"
"""The folder that `make wheel` makes in a wheel, and that no checkout has."""
_LINKED = "src/keyturn/mail/templates"
"""Where a checkout's link `template` leads. Git on Windows makes a file of it."""


class BroughtAlong(Protocol):
    """What a deployment is made of."""

    @property
    def place(self) -> str:
        """What the operator knows it by."""

    def template(self, name: str) -> str:
        """Give a CloudFormation template. Raises InvalidValue where there is none."""

    def zip(self, name: str) -> bytes:
        """
        Give the zip of a function.

        Raises InvalidValue where there is none, DeploymentFailed where it is damaged.
        """

    def mails(self) -> Mapping[str, bytes]:
        """Give the mail templates: path → content. Raises InvalidValue where there are none."""


def brought_along(source: Path | None) -> BroughtAlong:
    """
    The checkout that is named; else what was installed; else the checkout that Keyturn runs from.

    Never the current folder: whoever filled it may be a stranger.
    Raises InvalidValue where there is none of them.
    """
    if source is not None:
        return _Checkout(source, str(source.absolute()))
    ours = files(_HERE)
    bundle = ours / _BUNDLE
    if bundle.is_dir():
        return _Installation(bundle)
    if isinstance(ours, Path) and (checkout := ours.parents[2] / TEMPLATES).is_dir():
        return _Checkout(checkout.parent, str(checkout.parent))
    rule = "is needed: this Keyturn was installed without templates and zips"
    raise InvalidValue("--source", "", rule)


@dataclass(frozen=True)
class _Installation:
    bundle: Traversable
    place: str = "this Keyturn"

    def template(self, name: str) -> str:
        return (self.bundle / TEMPLATES / name).read_text(encoding="utf-8")

    def zip(self, name: str) -> bytes:
        return self._parts.join(name)

    def mails(self) -> Mapping[str, bytes]:
        return _mails_of(files("keyturn.mail") / "templates")

    @cached_property
    def _parts(self) -> ZipParts:
        index = (self.bundle / INDEX).read_text(encoding="utf-8")
        return ZipParts.read(index, (self.bundle / PIECES).read_bytes())


@dataclass(frozen=True)
class _Checkout:
    source: Path
    place: str

    def template(self, name: str) -> str:
        path = f"{TEMPLATES}/{name}"
        try:
            return self._bytes(path, "it is in the repository").decode()
        except UnicodeDecodeError:
            raise InvalidValue("--source", self.source, f"has a {path} that is no text") from None

    def zip(self, name: str) -> bytes:
        return self._bytes(f"Lambda/{name}", "`make package` makes it")

    def mails(self) -> Mapping[str, bytes]:
        for folder in (self.source / "template", self.source / _LINKED):
            if folder.is_dir():
                return _mails_of(folder)
        raise self._lacks("template/", "it is in the repository")

    def _bytes(self, name: str, cure: str) -> bytes:
        try:
            return (self.source / name).read_bytes()
        except OSError:
            raise self._lacks(name, cure) from None

    def _lacks(self, name: str, cure: str) -> InvalidValue:
        return InvalidValue("--source", self.source, f"has no {name}: {cure}")


def _mails_of(folder: Traversable) -> Mapping[str, bytes]:
    """Path → content, in the order of the paths."""
    return dict(sorted(_mails_in(folder)))


def _mails_in(folder: Traversable, below: str = "") -> Iterator[tuple[str, bytes]]:
    """The path of each mail template, and what is in it."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _mails_in(each, f"{below}{each.name}/")
        elif each.name.endswith((".txt", ".html")):
            yield f"{below}{each.name}", each.read_bytes()
