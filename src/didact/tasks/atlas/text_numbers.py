"""Plain text with numbers: sums step by step, sequences."""

from random import Random

from didact.tasks.atlas.world import World


def sums(here: World, drawn: Random) -> str:
    """Returns sums that are worked out, each step after the other."""
    lines = []
    for _ in range(drawn.randrange(4, 9)):
        x, y, z = drawn.randrange(1, 21), drawn.randrange(1, 21), drawn.randrange(1, 21)
        match drawn.randrange(6):
            case 0:
                lines.append(f"{x} + {y} = {x + y}.")
            case 1:
                lines.append(f"{x + y} - {y} = {x}.")
            case 2 | 3:
                lines.append(f"{x} + {y} + {z}: {x} + {y} = {x + y}, {x + y} + {z} = {x + y + z}.")
            case 4:
                lines.append(f"{x + y + z} - {y} - {z}: {x + y + z} - {y} = {x + z}, {x + z} - {z} = {x}.")
            case _:
                lines.append(f"{x} plus {y} is {x + y}.")
    return drawn.choice((" ", "\n")).join(lines)


def sequences(here: World, drawn: Random) -> str:
    """Returns numbers in steps, days and months in order."""
    lines = []
    for _ in range(drawn.randrange(2, 5)):
        step, start, length = drawn.choice((1, 2, 3, 4, 5, 10)), drawn.randrange(1, 50), drawn.randrange(4, 8)
        numbers = ", ".join(str(start + step * n) for n in range(length))
        lines.append(drawn.choice((f"{numbers}.", f"In steps of {step}: {numbers}.", f"{numbers}: each is {step} more.")))
    if drawn.random() < 0.4:
        days = here.words[drawn.choice(("days", "months"))]
        place = drawn.randrange(len(days))
        lines.append(f"After {days[place]} comes {days[(place + 1) % len(days)]}. Before {days[place]} comes {days[place - 1]}.")
    return " ".join(lines)
