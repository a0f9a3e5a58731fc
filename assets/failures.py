"""How a mistake is shown: a run that cannot go on says the library's sentence, and not a stack."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from smo_pipelines.errors import ConfigError, SmoError

__all__ = ["plain_failures"]


@contextmanager
def plain_failures(*, allow_retries: bool = False) -> Iterator[None]:
    """Turn an error the user can act on into a failure of the step; a retry would only repeat it, unless ``allow_retries``.

    A mistake in a file is never tried again: somebody has to mend it first.
    """
    try:
        yield
    except ConfigError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except SmoError as error:
        raise dg.Failure(description=str(error), allow_retries=allow_retries) from error
