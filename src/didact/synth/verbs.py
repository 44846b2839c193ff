"""The verb and the noun that an instruction is about, guessed from its first words: cheap, English, and often enough right."""

from didact.tasks.words import words

_BEFORE = set("please can could would will you kindly now first then next just try to want i need help me let us".split())
"""Words that stand before the verb that matters."""
_BETWEEN = set(
    """a an the this that these those some any each every all both either one two three four five six seven eight nine ten several many
    few more most its their his her your my our it them him us me you of for to in on at by with from about into as between and or if
    following given below above short long brief simple new good best clear small large single whole different possible real full own
    which what who whom whose when where why how do does did is are was were be been not no only very quite list number set""".split()
)
"""Words behind the verb that are not its object."""
_QUESTIONS = set("what which who whom whose when where why how is are was were do does did can could should would will has have".split())


def verb_and_noun(instruction: str) -> tuple[str, str]:
    """Returns the verb and the noun of an instruction; two empty texts where there are no words, no noun where none is found.

    A question has its question word as verb. A guess from the order of words; Self-Instruct parses, which costs a parser.

    >>> verb_and_noun("Please write a short poem about rain.")
    ('write', 'poem')
    >>> verb_and_noun("What is the capital of France?")
    ('what', 'capital')
    >>> verb_and_noun("Can you explain how tides work?")
    ('explain', 'tides')
    """
    said = words(instruction)
    if not said:
        return "", ""
    begin = 3 if said[:3] == ["your", "task", "is"] and len(said) > 3 else 0
    while begin < len(said) - 1 and said[begin] in _BEFORE:
        begin += 1
    if said[0] in _QUESTIONS and "?" in instruction and said[0] not in _BEFORE:
        begin = 0
    noun = next((word for word in said[begin + 1 :] if len(word) > 1 and word not in _BETWEEN and not word.isdigit()), "")
    return said[begin], noun
