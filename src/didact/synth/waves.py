"""How many requests go out together where each brings an unknown number of rows."""

import math


def next_wave(missing: int, num_made: int, num_asked: int, guess: float, last: int, most: int) -> int:
    """Returns how many requests to send next, so that about as many rows come as are missing.

    Args:
        missing: Rows that are still wanted.
        num_made: Rows that have come.
        num_asked: Requests that brought them.
        guess: Rows of a request, as long as nothing has been asked.
        last: Requests of the wave before this one: a wave is at most twice as large, so that little is spent where nothing comes.
        most: Requests of the largest wave.

    30 rows at 8 a request take 4 requests; after these brought 20, 5 a request, the other 10 take 2:

    >>> next_wave(30, 0, 0, 8, 0, 40), next_wave(10, 20, 4, 8, 4, 40), next_wave(30, 0, 4, 8, 4, 40)
    (4, 2, 8)
    """
    if not num_asked:
        return min(most, math.ceil(missing / guess))
    wanted = math.ceil(missing * num_asked / num_made) if num_made else most
    return min(most, wanted, 2 * last)
