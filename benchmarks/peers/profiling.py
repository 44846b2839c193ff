"""Where the time of a run goes: torch's profiler, its operators put under a few headings by the shapes of what they are given."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WARM_UP = 2
"""Steps that are left out in front: memory is mapped and shapes of products are prepared in them."""
HEADINGS = ("head", "attention", "mlp", "optimiser", "collation", "other operators", "the rest")
"""`attention` has its projections too; `optimiser` clipping; `head` the embeddings' gradient, which has the head's shape. The rest: Python
between operators."""


class Profile:
    """Where the time of a run's steps goes; those that warm up, and the last one, which writes the checkpoint, are left out.

    Args:
        spec: The run's; without its `profile`, nothing is looked at.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.seconds: dict[str, float] = {}
        self._spec, self._num_ended, self._profiler = spec, 0, None
        self._began = 0.0

    def step_ended(self) -> None:
        """A step has ended, and the next one begins."""
        self._num_ended += 1
        if self._spec.get("profile") and self._num_ended == WARM_UP:
            self._begin()
        if self._profiler is not None and self._num_ended == self._spec["num_steps"] - 1:
            self._end()

    def _begin(self) -> None:
        from torch.profiler import ProfilerActivity, profile

        self._profiler = profile(activities=[ProfilerActivity.CPU], record_shapes=True)
        self._profiler.__enter__()
        self._began = time.perf_counter()

    def _end(self) -> None:
        seconds = time.perf_counter() - self._began
        self._profiler.__exit__(None, None, None)
        sums = Counter[str]()
        for event in self._profiler.events():
            sums[heading(event, self._spec)] += event.self_cpu_time_total / 1e6
        self.seconds = {name: round(sums[name], 3) for name in HEADINGS[:-1]}
        self.seconds["the rest"] = round(max(seconds - sum(self.seconds.values()), 0.0), 3)
        self._profiler = None


@contextmanager
def collation_named() -> Iterator[None]:
    """Makes collation, which is numpy's work and no operator of torch, visible to the profiler."""
    from torch.profiler import record_function

    from didact.train import loop

    own = {name: getattr(loop, name) for name in ("collate", "to_device") if hasattr(loop, name)}

    def named(function: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            with record_function("collation"):
                return function(*given, **named)

        return call

    for name, function in own.items():
        setattr(loop, name, named(function))
    try:
        yield
    finally:
        for name, function in own.items():
            setattr(loop, name, function)


def heading(event: Any, spec: dict[str, Any]) -> str:
    """Returns the heading of one operator."""
    parent, names = event, list[str]()
    while parent is not None:
        names.append(parent.name)
        parent = parent.cpu_parent
    if "collation" in names:
        return "collation"
    if any(name.startswith(("Optimizer.", "aten::_foreach", "aten::_fused_adam")) for name in names):
        return "optimiser"
    if "_HeadLoss" in names:  # its products by parts have no side as long as the vocabulary
        return "head"
    shapes = [shape for shape in event.input_shapes if isinstance(shape, list) and shape and all(isinstance(size, int) for size in shape)]
    sizes = {size for shape in shapes for size in shape}
    if spec["vocabulary"] in sizes:
        return "head"
    if any(len(shape) == 4 for shape in shapes) or "scaled_dot_product" in event.name:
        return "attention"
    if any(spec["mlp"] in shape[-2:] for shape in shapes):
        return "mlp"
    # A matrix with no side as wide as the MLP is a projection of attention.
    return "attention" if event.name in ("aten::mm", "aten::addmm", "aten::bmm", "aten::linear") else "other operators"
