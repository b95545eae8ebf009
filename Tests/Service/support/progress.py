"""Says how far a long test is: `pytest -o log_cli=true -o log_cli_level=INFO` shows it."""

import logging
import time

LOG = logging.getLogger("progress")
SECONDS = 15


def progress(items, what):
    """The items one by one; now and then, which of how many it is."""
    items = list(items)
    said = time.monotonic()
    for number, item in enumerate(items, 1):
        if time.monotonic() - said > SECONDS:
            LOG.info("%s %d of %d", what, number, len(items))
            said = time.monotonic()
        yield item
