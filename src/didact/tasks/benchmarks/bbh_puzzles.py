"""Sample rows of our own for the files of BIG-Bench Hard without options, or with two answers: input, target, rationale."""

Row = tuple[str, str, str]
"""Input, target, rationale."""
File = tuple[str, tuple[Row, Row, Row]]
"""What the file asks for in one sentence, and three rows."""


def yes_or_no(question: str, first: str = "Yes", second: str = "No") -> str:
    r"""Returns a question with two answers listed below.

    >>> yes_or_no("Is it?")
    'Is it?\nOptions:\n- Yes\n- No'
    """
    return f"{question}\nOptions:\n- {first}\n- {second}"


_NAVIGATE = "If you follow these instructions, do you return to the starting point?"
_CLOSE = "Complete the rest of the sequence, making sure that the parentheses are closed properly. Input:"
_SORT = "Sort the following words alphabetically: List:"
_VALID = "Is the argument, given the explicitly stated premises, deductively valid or invalid?"

PUZZLES: dict[str, File] = {
    "boolean_expressions": (
        "Say whether a Boolean expression is true or false.",
        (
            ("not ( False ) and True is", "True", "not False is True, and True and True is True."),
            ("True and not True or False is", "False", "not True is False, True and False is False, False or False is False."),
            ("False or not ( True and False ) is", "True", "True and False is False, its opposite is True, False or True is True."),
        ),
    ),
    "causal_judgement": (
        "Say how a typical person would answer a question about what caused what, or what was meant.",
        (
            (
                yes_or_no(
                    "How would a typical person answer the following question about causation?\nA lamp is on if at least one of two "
                    "switches is up. The left switch is up already. Kim then puts the right one up as well. Did Kim "
                    "cause the lamp to be on?"
                ),
                "No",
                "The lamp was on before Kim did anything.",
            ),
            (
                yes_or_no(
                    "How would a typical person answer the following question about causation?\nA pupil kicked a ball at a wall and "
                    "missed. The ball broke the window beside it. Did the pupil cause the window to break?"
                ),
                "Yes",
                "The window broke because of the kick, although it was not meant to.",
            ),
            (
                yes_or_no(
                    "How would a typical person answer the following question about causation?\nA cook poured salt for sugar by mistake. "
                    "The cake tasted bad. Did the cook intentionally spoil the cake?"
                ),
                "No",
                "What is done by mistake is not done intentionally.",
            ),
        ),
    ),
    "dyck_languages": (
        "Close the brackets that are still open, in the right order.",
        (
            (f"{_CLOSE} ( [", "] )", "Open are ( and then [; the last one is closed first: ] and then )."),
            (f"{_CLOSE} < {{ }} (", ") >", "{ } is closed; open are < and then (; so ) and then >."),
            (f"{_CLOSE} [ ( ) {{ <", "> } ]", "( ) is closed; open are [ and { and <; so > and } and ]."),
        ),
    ),
    "formal_fallacies": (
        "Say whether an argument follows from its premises.",
        (
            (
                yes_or_no(f'"All owls are birds. Uma is an owl. So Uma is a bird."\n{_VALID}', "valid", "invalid"),
                "valid",
                "What holds of all owls holds of Uma.",
            ),
            (
                yes_or_no(f'"All owls are birds. Uma is a bird. So Uma is an owl."\n{_VALID}', "valid", "invalid"),
                "invalid",
                "Uma may be another bird than an owl.",
            ),
            (
                yes_or_no(f'"No fish sings. Rex sings. So Rex is no fish."\n{_VALID}', "valid", "invalid"),
                "valid",
                "If Rex were a fish, Rex would not sing.",
            ),
        ),
    ),
    "multistep_arithmetic_two": (
        "Work out an expression with several steps.",
        (
            ("((2 + 3) * (4 - 6)) =", "-10", "2 + 3 is 5, 4 - 6 is -2, and 5 * -2 is -10."),
            ("((7 - 2 * 3) + (5 * 2)) =", "11", "2 * 3 is 6, 7 - 6 is 1, 5 * 2 is 10, and 1 + 10 is 11."),
            ("((-4 + 1) - (8 - 9)) =", "-2", "-4 + 1 is -3, 8 - 9 is -1, and -3 - -1 is -2."),
        ),
    ),
    "navigate": (
        "Say whether instructions lead back to the starting point.",
        (
            (
                yes_or_no(f"{_NAVIGATE} Always face forward. Take 3 steps left. Take 3 steps right."),
                "Yes",
                "3 left and 3 right make 0.",
            ),
            (
                yes_or_no(f"{_NAVIGATE} Take 2 steps. Turn around. Take 1 step."),
                "No",
                "2 forward and 1 back leave 1 step.",
            ),
            (
                yes_or_no(f"{_NAVIGATE} Take 4 steps. Turn around. Take 2 steps. Take 2 steps."),
                "Yes",
                "4 forward, then 2 and 2 back make 0.",
            ),
        ),
    ),
    "object_counting": (
        "Count the things of one kind in a list.",
        (
            ("I have two apples, a chair, and a pear. How many fruits do I have?", "3", "2 apples and 1 pear are 3 fruits."),
            ("I have a drum, three flutes, and a cat. How many musical instruments do I have?", "4", "1 drum and 3 flutes are 4."),
            ("I have a goat, a lamp, and a hen. How many animals do I have?", "2", "1 goat and 1 hen are 2 animals."),
        ),
    ),
    "sports_understanding": (
        "Say whether a sentence about sports is plausible.",
        (
            ('Is the following sentence plausible? "The goalkeeper saved a penalty."', "yes", "Goalkeepers face penalties in football."),
            ('Is the following sentence plausible? "The swimmer scored a touchdown."', "no", "Touchdowns are scored in American football."),
            ('Is the following sentence plausible? "The cyclist won the mountain stage."', "yes", "Cycling races have mountain stages."),
        ),
    ),
    "web_of_lies": (
        "Say whether the last person in a chain tells the truth.",
        (
            (
                "Question: Ann lies. Bob says Ann lies. Does Bob tell the truth?",
                "Yes",
                "Ann lies, and that is what Bob says, so Bob tells the truth.",
            ),
            (
                "Question: Cem tells the truth. Dan says Cem lies. Eva says Dan tells the truth. Does Eva tell the truth?",
                "No",
                "Cem tells the truth, so Dan lies, so Eva, who says that Dan tells the truth, lies.",
            ),
            (
                "Question: Finn lies. Gia says Finn tells the truth. Hal says Gia lies. Does Hal tell the truth?",
                "Yes",
                "Finn lies, so Gia lies, so Hal, who says that Gia lies, tells the truth.",
            ),
        ),
    ),
    "word_sorting": (
        "Put words into alphabetical order.",
        (
            (f"{_SORT} pear apple fig", "apple fig pear", "a comes before f, and f before p."),
            (f"{_SORT} moon mast mint", "mast mint moon", "All begin with m; then a comes before i, and i before o."),
            (f"{_SORT} tea zoo bee ant", "ant bee tea zoo", "The first letters are t, z, b, a; in order a, b, t, z."),
        ),
    ),
}
"""By file."""
