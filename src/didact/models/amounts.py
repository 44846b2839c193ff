"""Bytes and seconds as people say them."""

GIB = 2**30


def in_words(size: float) -> str:
    """Returns bytes as people say them.

    >>> in_words(300_000), in_words(30 * 2**20), in_words(2.5 * 2**30)
    ('0.3 MiB', '30 MiB', '2.5 GiB')
    """
    return f"{size / GIB:,.1f} GiB" if size >= GIB else f"{size / 2**20:,.{0 if size >= 10 * 2**20 else 1}f} MiB"


def duration(seconds: float) -> str:
    """Returns a time as people say it.

    >>> duration(42), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
