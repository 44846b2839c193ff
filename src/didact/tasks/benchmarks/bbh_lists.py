"""Sample rows of our own for the files of BIG-Bench Hard that list options with letters: input, target, rationale."""

from didact.tasks.benchmarks.bbh_puzzles import File
from didact.tasks.benchmarks.bbh_series import SERIES, options

_DATE = "What is the date tomorrow in MM/DD/YYYY?"
_PRONOUN = (
    "In the following sentences, explain the antecedent of the pronoun (which thing the pronoun refers to), or state that it is "
    "ambiguous.\nSentence:"
)
_ORDER = "Which sentence has the correct adjective order:"
_TABLE = (
    "Here is a table where the first line is a header and each subsequent line is a penguin:  name, age, height (cm), weight (kg) "
    "Ada, 4, 60, 10 Bo, 9, 75, 14 Cy, 6, 50, 12  For example: the age of Ada is 4."
)
_EDIT = "Which of the following is a humorous edit of this artist or movie name:"
_ERRORS = "Modifiers or Adjectives / Numerical Values / Negation or Antonyms / Named Entities / Dropped Content / Facts"
_TRANSLATION = "The following translations from German to English contain a particular error. Please identify that error.  Source:"
_PERTAINS = "\nThe translation contains an error pertaining to"
_SHAPES = "circle / line / rectangle / triangle"


LISTED: dict[str, File] = {
    "date_understanding": (
        "Work out a date from what is said about it.",
        (
            (
                options(f"Today is 28 February 2019. {_DATE}", "02/29/2019 / 03/01/2019 / 03/02/2019"),
                "(B)",
                "2019 is no leap year, so 28 February is followed by 1 March.",
            ),
            (
                options("Yesterday was 9 June 2004. What is the date today in MM/DD/YYYY?", "06/10/2004 / 06/08/2004 / 10/06/2004"),
                "(A)",
                "The day after 9 June is 10 June, and the month is written first.",
            ),
            (
                options(f"Today is the last day of 1999. {_DATE}", "12/31/1999 / 01/01/1999 / 01/01/2000"),
                "(C)",
                "The last day is 31 December 1999; the next is 1 January 2000.",
            ),
        ),
    ),
    "disambiguation_qa": (
        "Say what a pronoun refers to, or that this cannot be known.",
        (
            (
                options(
                    f"{_PRONOUN} The driver thanked the mechanic because she had repaired the car.",
                    "The driver had repaired the car / The mechanic had repaired the car / Ambiguous",
                ),
                "(B)",
                "One thanks somebody who repaired the car, and that is the mechanic.",
            ),
            (
                options(
                    f"{_PRONOUN} Ann met Eve when she was in Rome.",
                    "Ann was in Rome / Eve was in Rome / Ambiguous",
                ),
                "(C)",
                "Either of the two may be meant.",
            ),
            (
                options(
                    f"{_PRONOUN} The cook told the guest that he would bring his soup.",
                    "The guest would bring the soup / Ambiguous / The cook would bring the soup",
                ),
                "(C)",
                "Bringing soup is what a cook does for a guest.",
            ),
        ),
    ),
    "geometric_shapes": (
        "Name the shape that an SVG path draws.",
        (
            (
                options('This SVG path element <path d="M 0.00,0.00 L 4.00,0.00 L 2.00,3.00 L 0.00,0.00"/> draws a', _SHAPES),
                "(D)",
                "Three lines lead back to the start: a triangle.",
            ),
            (
                options('This SVG path element <path d="M 1.00,1.00 L 9.00,5.00"/> draws a', _SHAPES),
                "(B)",
                "There is one line from one point to another.",
            ),
            (
                options('This SVG path element <path d="M 0.00,0.00 L 6.00,0.00 L 6.00,2.00 L 0.00,2.00 L 0.00,0.00"/> draws a', _SHAPES),
                "(C)",
                "Four lines meet at right angles: a rectangle.",
            ),
        ),
    ),
    "hyperbaton": (
        "Say in which of two phrases the adjectives are in the right order.",
        (
            (options(_ORDER, "big old red barn / red old big barn"), "(A)", "Size comes before age, and age before colour."),
            (options(_ORDER, "wooden small box / small wooden box"), "(B)", "Size comes before material."),
            (options(_ORDER, "nice round green hat / green nice round hat"), "(A)", "Opinion comes before shape, and shape before colour."),
        ),
    ),
    "movie_recommendation": (
        "Choose the film that is most like the films in a list.",
        (
            (
                options("Find a movie similar to Toy Story, Shrek, Finding Nemo:", "The Exorcist / Ice Age / Psycho / Platoon"),
                "(B)",
                "All three are animated films for families, and so is Ice Age.",
            ),
            (
                options("Find a movie similar to Star Wars, Alien, Blade Runner:", "Grease / Heidi / The Terminator / Amadeus"),
                "(C)",
                "All three are science fiction, and so is The Terminator.",
            ),
            (
                options("Find a movie similar to Rocky, Raging Bull, Million Dollar Baby:", "Creed / Frozen / Casablanca / Up"),
                "(A)",
                "All three are about boxing, and so is Creed.",
            ),
        ),
    ),
    "penguins_in_a_table": (
        "Answer a question about a table of penguins.",
        (
            (options(f"{_TABLE} Which penguin is the oldest?", "Ada / Bo / Cy"), "(B)", "The ages are 4, 9 and 6, and 9 is Bo's."),
            (
                options(f"{_TABLE} How many penguins are taller than 55 cm?", "1 / 2 / 3"),
                "(B)",
                "60 and 75 are more than 55, and 50 is not.",
            ),
            (
                options(f"{_TABLE} Which penguin is the lightest?", "Ada / Bo / Cy"),
                "(A)",
                "The weights are 10, 14 and 12, and 10 is Ada's.",
            ),
        ),
    ),
    "reasoning_about_colored_objects": (
        "Answer a question about the colours of things.",
        (
            (
                options("On the desk, there is a red cup and a blue pen. What color is the pen?", "red / blue / green"),
                "(B)",
                "The pen is said to be blue.",
            ),
            (
                options(
                    "On the floor, you see a green ball, a green shoe, and a black sock. How many things are green?", "zero / one / two"
                ),
                "(C)",
                "The ball and the shoe are green: two.",
            ),
            (
                options(
                    "On the shelf, you see things in a row: a gold key, a pink cup, a grey box. What color is the thing left of the box?",
                    "pink / gold / grey",
                ),
                "(A)",
                "Left of the box is the cup, and it is pink.",
            ),
        ),
    ),
    "ruin_names": (
        "Choose the funniest of several small changes to the name of an artist or a film.",
        (
            (
                options(f"{_EDIT} 'the lion king'?", "the lion kin / the lying king / the lion kings / thee lion king"),
                "(B)",
                "A king who lies is a new and funny meaning; the others are slips.",
            ),
            (
                options(f"{_EDIT} 'jaws'?", "jaws s / jawss / paws / jaaws"),
                "(C)",
                "Paws make a terrible shark a cat; the others mean nothing.",
            ),
            (
                options(f"{_EDIT} 'the beatles'?", "the eatles / the bootles / thebeatles / the beadles"),
                "(D)",
                "Beadles are church officers, which is funny for a band.",
            ),
        ),
    ),
    "salient_translation_error_detection": (
        "Say which kind of error a translation has.",
        (
            (
                options(f"{_TRANSLATION} Er hat zwei Hunde.\nTranslation: He has three dogs.{_PERTAINS}", _ERRORS),
                "(B)",
                "zwei is two, so the number is wrong.",
            ),
            (
                options(f"{_TRANSLATION} Anna wohnt in Wien.\nTranslation: Anna lives in Bern.{_PERTAINS}", _ERRORS),
                "(D)",
                "Wien is Vienna, so the name of the place is wrong.",
            ),
            (
                options(f"{_TRANSLATION} Das Haus ist nicht alt.\nTranslation: The house is old.{_PERTAINS}", _ERRORS),
                "(C)",
                "nicht is missing, so the meaning is turned into its opposite.",
            ),
        ),
    ),
    "snarks": (
        "Say which of two statements is sarcastic.",
        (
            (
                options("Which statement is sarcastic?", "Great, my train is late again / Good, my train is on time again"),
                "(A)",
                "Nobody is glad of a late train.",
            ),
            (
                options("Which statement is sarcastic?", "He helped me move, what a friend / He ate my lunch, what a friend"),
                "(B)",
                "Eating another's lunch is not what a friend does.",
            ),
            (
                options("Which statement is sarcastic?", "Three hours in a queue, how lovely / Three hours at the sea, how lovely"),
                "(A)",
                "A queue is not lovely; the sea is.",
            ),
        ),
    ),
    **SERIES,
}
"""By file."""
