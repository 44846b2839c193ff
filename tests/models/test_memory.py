import os
import platform
import sys

import pytest

from didact.models.memory import keep_freed_memory


def test_glibc_can_be_told_to_keep_what_is_freed() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("there is no glibc here")
    assert keep_freed_memory() is True


def test_other_systems_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_what_is_prepared_for_one_shape_of_a_product_is_not_kept_for_ever() -> None:
    # Torch reads these when it multiplies for the first time; a user's own numbers stay.
    assert int(os.environ["LRU_CACHE_CAPACITY"]) <= 64
    assert int(os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) <= 64
