"""How every page is made: everything that people wrote is escaped, and a name that is not there is an error."""

from functools import cache
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from smo_pipelines.domain.digests import short

__all__ = ["is_web", "template_environment"]


@cache
def template_environment() -> Environment:
    """Return the templates of this package."""
    environment = Environment(
        loader=PackageLoader("smo_pipelines.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = short
    environment.filters["sentence"] = _sentence
    return environment


def is_web(address: str) -> bool:
    """Whether an address may be a link on a page."""
    return urlsplit(address).scheme in ("http", "https")


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return text[:1].upper() + text[1:]
