"""How evenly labels are spread over rows."""

import math
from collections import Counter
from collections.abc import Iterable


def label_entropy(labels: Iterable[str], num_labels: int) -> float:
    """Returns the entropy of labels as a share of the most that so many labels can have: 1 is even, 0 is one label for all.

    Args:
        labels: The label of each row.
        num_labels: Labels that the task has, 2 or more, whether they occur or not.

    Three of one and one of the other: 0.75 * log2(4/3) + 0.25 * log2(4) = 0.3113 + 0.5 bits of 1.

    >>> round(label_entropy(["yes", "yes", "yes", "no"], 2), 4)
    0.8113
    >>> label_entropy(["yes", "no"], 2), label_entropy([], 2)
    (1.0, 0.0)
    """
    counts = Counter(labels)
    total = sum(counts.values())
    return sum(count / total * math.log(total / count) for count in counts.values()) / math.log(num_labels)
