r"""Options: the list of the choices in a prompt, written in one of many ways, and the answer that follows from the way.

    Options:
    (A) yes          where the items have names, the answer is the name: (A)
    (B) no           where they have none (bullets, commas), it is the option's text

A start ("Options:"), a style of itemising and an end of each option are drawn; a style with fewer names than there are options never is.

Source: Longpre et al. 2023, The Flan Collection, arXiv 2301.13688, for the idea; the lists are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase, ascii_uppercase

from didact.base.registry import Registry

MAX_ITEMS = 99


def _roman(number: int) -> str:
    """Returns a number from 1 to 99 in Roman numerals.

    >>> [_roman(number) for number in (1, 4, 9, 40, 99)]
    ['i', 'iv', 'ix', 'xl', 'xcix']
    """
    tens = ("", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc")
    ones = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
    return tens[number // 10] + ones[number % 10]


_COUNTERS: dict[str, tuple[str, ...]] = {
    "A": tuple(ascii_uppercase),
    "a": tuple(ascii_lowercase),
    "1": tuple(str(number) for number in range(1, MAX_ITEMS + 1)),
    "i": tuple(_roman(number) for number in range(1, 27)),
    "I": tuple(_roman(number).upper() for number in range(1, 27)),
}
_BRACKETS = ("({})", "{})", "[{}]", "{}.", "{}:", "<{}>")
_BRACKETS_IN_LINE = ("({})", "{})", "[{}]")
_BULLETS = ("-", "*", "+", "•", ">", "–", "o", "->", "·")
_JOINTS = (", ", "; ", " / ", " | ", " or ")

STARTS = (
    *("", "Options:", "OPTIONS:", "Choices:", "Possible answers:", "Choose one of these:", "Pick one:", "The options are:"),
    *("Select from:", "The answer is one of these:", "Answers to choose from:", "What it can be:", "One of these is right:"),
    *("Candidates:", "Your choices:", "Pick the answer from this list:"),
)
"""What stands before the list."""
ENDS = ("", "", ";", ".")
"""What ends each option; nothing, twice as often as each of the others."""


@dataclass(frozen=True, slots=True)
class OptionStyle:
    """One way to itemise."""

    name: str
    """`(A)`, `1.`, `-`; with ` in line` where the options stand one behind the other."""
    names: tuple[str, ...] = ()
    """Names of the items, all different; empty: the items have none."""
    bullet: str = ""
    """What stands before each option where the items have no names."""
    joint: str = "\n"
    """What stands between two options."""

    def fits(self, options: Sequence[str]) -> bool:
        """Says whether there are names enough; without names, whether one can see where an option ends."""
        if self.names:
            return len(options) <= len(self.names)
        return not any(self.joint in option for option in options)


def _all_styles() -> dict[str, OptionStyle]:
    styles = list[OptionStyle]()
    for first, counter in _COUNTERS.items():
        styles += [OptionStyle(bracket.format(first), tuple(map(bracket.format, counter))) for bracket in _BRACKETS]
        in_line = [(bracket, tuple(map(bracket.format, counter))) for bracket in _BRACKETS_IN_LINE]
        styles += [OptionStyle(f"{bracket.format(first)} in line", names, joint=" ") for bracket, names in in_line]
    styles += [OptionStyle(bullet, bullet=bullet + " ") for bullet in _BULLETS]
    styles += [OptionStyle("lines"), *(OptionStyle(joint.strip() + " in line", joint=joint) for joint in _JOINTS)]
    return {style.name: style for style in styles}


STYLES: Registry[OptionStyle] = Registry("options style", _all_styles(), "one of those: (A), 1., -, lines ...")
"""Every way to itemise, by name."""
_STYLES = tuple(STYLES[name] for name in STYLES)


@dataclass(frozen=True, slots=True)
class OptionsFormat:
    """One way to write a list of options."""

    style: OptionStyle
    start: str = "Options:"
    end: str = ""

    def block(self, options: Sequence[str]) -> str:
        r"""Returns the list.

        >>> OptionsFormat(STYLES["(A)"]).block(["yes", "no"])
        'Options:\n(A) yes\n(B) no'
        """
        style = self.style
        heads = [f"{name} " for name in style.names] if style.names else [style.bullet] * len(options)
        end = self.end if style.names or style.joint == "\n" else ""  # a comma or a bar between two options is enough
        ends = ["" if option[-1:] in (".", ";", "!", "?", ":") else end for option in options]
        items = style.joint.join([head + option + mark for head, option, mark in zip(heads, options, ends, strict=False)])
        gap = "\n" if style.joint == "\n" else " "
        return self.start + gap + items if self.start else items

    def answer(self, options: Sequence[str], target: str) -> str:
        """Returns what is answered: the item's name, where items have names that differ, and the target is one of the options.

        >>> OptionsFormat(STYLES["(A)"]).answer(["yes", "no"], "yes"), OptionsFormat(STYLES["-"]).answer(["yes", "no"], "yes")
        ('(A)', 'yes')
        """
        names, stripped = self.style.names[: len(options)], [option.strip() for option in options]
        if len(set(names)) < len(options) or target.strip() not in stripped:
            return target
        return names[stripped.index(target.strip())].strip()


def draw_options(random: Random, options: Sequence[str], style: str | None = None) -> OptionsFormat:
    """Returns a way to write a list of options.

    Three draws are taken whatever they come to, so that what is drawn afterwards does not depend on the list.

    Args:
        random: The row's own chance.
        options: What will be listed.
        style: The name of a style that is settled, then with the plain start and end; with too few names for the list, numbers or
            else bullets take its place. None: all of it is drawn.

    Raises:
        RecipeError: There is no such style.
    """
    first, second, third = random.random(), random.random(), random.random()
    if style is not None:
        likely = (STYLES[style], STYLES["(1)"], STYLES["-"])
        return OptionsFormat(next((one for one in likely if one.fits(options)), STYLES["-"]))
    fitting = [one for one in _STYLES if one.fits(options)] or [STYLES["-"]]
    chosen = fitting[int(first * len(fitting))]
    return OptionsFormat(chosen, STARTS[int(second * len(STARTS))], ENDS[int(third * len(ENDS))])
