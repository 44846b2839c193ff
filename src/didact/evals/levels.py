"""The four levels at which people rate an answer to an instruction."""

LEVELS = {
    "A": "right and satisfying: does what was asked, nothing to put right",
    "B": "acceptable: does what was asked, with small mistakes or something left out",
    "C": "on the subject, and seriously wrong: the instruction was understood, the answer cannot be used",
    "D": "no answer: empty, beside the point, the question again, or nonsense",
}
"""From the best to the worst. Source: Wang et al. 2022, arXiv 2212.10560, on user-oriented instructions; the words are ours."""
ACCEPTABLE = ("A", "B")
