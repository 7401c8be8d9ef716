"""Writes a page from its template in `pages/`."""

from base64 import b64encode
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined


def write(template: str, **values: object) -> str:
    """Fill a template; what is forgotten is an error, and what is told is escaped."""
    environment = _environment()
    # The page names its one script by hash, so a browser runs nothing that came with a name.
    script = environment.get_template("filter.js").render()
    script_hash = b64encode(sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(script_hash=script_hash, **values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("keyturn_sandbox.demo", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
