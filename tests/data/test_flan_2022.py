"""The fragments of Flan 2022: the shares that were printed and released, over 200,000 draws of collections of the real shape."""

from collections import Counter
from pathlib import Path

import pytest

from didact.base.recipe_file import load_recipe
from didact.data.mixture import Mixture

MIXTURES = Path(__file__).parents[2] / "recipes" / "mixtures"
NUM_TASKS = {"flan2021": 80, "t0": 193, "niv2": 1554, "cot": 9}
"""Tasks of each collection as the paper counts them."""
SIZES = {f"{name}/{number}": 500 + 7919 * number % 90_000 for name, count in NUM_TASKS.items() for number in range(count)}
KINDS = ("zs_opt", "fs_opt", "zs_noopt", "fs_noopt")
RENDERED = {
    **{
        f"{name}/{kind}/{task}": 10_000 + 70_000 * number
        for name in ("flan2021", "t0")
        for number, kind in enumerate(KINDS)
        for task in ("glue_cola_2.0.0", "piqa_1.0.0")
    },
    **{f"niv2/{kind}/task{number}": 1_000 * number for kind in KINDS[:2] for number in range(1, 1001)},
    **{
        f"{name}/{kind}/{task}": 74_730
        for name, own in (("cot", "cot_gsm8k"), ("dialog", "wiki_dialog"))
        for kind in KINDS[:2]
        for task in (own, f"{own}_ii")
    },
}
"""The release: each kind of text of each task, some larger than their cap."""


def counted(fragment, sizes):
    section = load_recipe(MIXTURES / f"{fragment}.yaml").mixture.model_copy(update={"epoch_size": 200_000})
    mixture = Mixture(sizes, section, 0)
    draws = mixture.draws(0)
    assert len(draws) == 200_000
    return mixture, Counter(draw.task for draw in draws)


def of(counts, *starts):
    return sum(count for task, count in counts.items() if task.startswith(starts)) / 200_000


@pytest.mark.parametrize(
    ("fragment", "printed"),
    [
        ("flan_2022", {"flan2021": 0.46, "t0": 0.279, "niv2": 0.242, "cot": 0.018}),
        ("flan_2022_ablations", {"flan2021": 0.52, "t0": 0.15, "niv2": 0.30, "cot": 0.03}),
    ],
)
def test_the_printed_shares_hold_over_200_000_draws(fragment, printed):
    _, counts = counted(fragment, SIZES)
    assert {name: of(counts, f"{name}/") for name in printed} == {name: pytest.approx(share, abs=0.005) for name, share in printed.items()}


def test_each_collection_has_the_cap_of_the_paper():
    mixture, _ = counted("flan_2022", SIZES)
    caps = {"flan2021": 30_000, "t0": 20_000, "niv2": 5_000, "cot": 100_000}
    for row in mixture.table():
        assert row["counted"] == min(row["size"], caps[row["task"].split("/")[0]])
    # In a part, shares are as the counted examples.
    largest, smallest = (
        find(row["share"] / row["counted"] for row in mixture.table() if row["task"].startswith("niv2/")) for find in (max, min)
    )
    assert largest == pytest.approx(smallest)


def test_the_released_collection_s_parts_within_parts():
    mixture, counts = counted("flan_2022_rendered", RENDERED)
    whole = {"flan2021/": 0.40, "t0/": 0.32, "niv2/": 0.20, "cot": 0.05, "dialog": 0.03}
    assert {start: of(counts, start) for start in whole} == {start: pytest.approx(share, abs=0.0001) for start, share in whole.items()}
    # Four kinds of text in equal shares, whatever their size; in the others two.
    assert [of(counts, f"flan2021/{kind}") for kind in KINDS] == [pytest.approx(0.1, abs=0.0001)] * 4
    assert [of(counts, f"t0/{kind}") for kind in KINDS] == [pytest.approx(0.08, abs=0.0001)] * 4
    assert [of(counts, f"niv2/{kind}") for kind in KINDS[:2]] == [pytest.approx(0.1, abs=0.0005)] * 2
    caps = {"flan2021": 30_000, "t0": 20_000, "niv2": 5_000, "cot": 100_000, "dialog": 200_000}
    assert all(row["counted"] == min(row["size"], caps[row["task"].split("/")[0]]) for row in mixture.table())
    # Forward to turned around is 1 to 0.3: of CoT's 5,000 zero-shot draws, 5,000 / 1.3 = 3,846.2 are forward.
    names = [f"{name}{ending}" for name in ("cot/zs_opt/cot_gsm8k", "dialog/zs_opt/wiki_dialog") for ending in ("", "_ii")]
    assert [counts[name] for name in names] == [pytest.approx(number, abs=1) for number in (3846.2, 1153.8, 2307.7, 692.3)]


def test_half_of_the_rows_are_zero_shot():
    assert load_recipe(MIXTURES / "flan_2022_ablations.yaml").prompts.shots == {0: 0.5, 2: 0.5}


def test_the_small_flan_has_the_proportions_of_the_large_one():
    small = load_recipe(MIXTURES.parent / "flan_small.yaml")
    assert small.mixture.parts == load_recipe(MIXTURES / "flan_2022.yaml").mixture.parts
    assert small.prompts.shots == {0: 0.5, 2: 0.5}
    assert small.tasks.hold_out.task == ("mmlu/*", "bbh/*")
    assert small.tasks.hold_out.cross_rules == "flan"
