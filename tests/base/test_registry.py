"""A registry answers by name, imports late, and names the nearest part."""

import sys

import pytest

from didact.base.errors import RecipeError
from didact.base.registry import Registry


def test_a_part_is_imported_when_first_asked_and_then_kept():
    sys.modules.pop("this", None)
    letters = Registry("letter", {"a": 1, "late": "colorsys:rgb_to_hsv", "lost": "no_such_module:x"})
    assert (list(letters), "a" in letters, "b" in letters, 3 in letters) == (["a", "late", "lost"], True, False, False)
    assert letters["late"] is letters["late"]
    assert letters["late"](1, 0, 0) == (0.0, 1.0, 1)
    with pytest.raises(ModuleNotFoundError):
        letters["lost"]


def test_an_unknown_name_is_told_with_the_nearest_and_the_list_to_look_at():
    with pytest.raises(RecipeError) as caught:
        Registry("metric", {"rouge_l": 1, "exact_match": 2})["rogue_l"]
    assert (caught.value.what, caught.value.expected) == ("no metric named 'rogue_l'", "did you mean 'rouge_l'?")
    assert caught.value.remedy == "didact ls metrics"


def test_a_text_without_a_colon_is_a_part_itself():
    assert Registry("word", {"a": "plain"})["a"] == "plain"
