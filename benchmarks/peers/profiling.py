"""Where the time of a run goes: torch's profiler, its operators put under a few headings by the shapes of what they are given."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HEADINGS = ("head", "attention", "mlp", "optimiser", "collation", "other operators", "the rest")
"""`attention` has its projections too; `optimiser` clipping; `head` the embeddings' gradient, which has the head's shape. The rest:
Python between operators, probes of the model before the first step, the checkpoint after the last."""


@contextmanager
def profiled(spec: dict[str, Any]) -> Iterator[dict[str, float]]:
    """Yields what is filled at the end, where the spec asks for a profile: seconds under each heading."""
    found: dict[str, float] = {}
    if not spec.get("profile"):
        yield found
        return
    from torch.profiler import ProfilerActivity, profile

    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler, _collation_named():
        yield found
        seconds = time.perf_counter() - began
    sums = Counter[str]()
    for event in profiler.events():
        sums[heading(event, spec)] += event.self_cpu_time_total / 1e6
    found.update({name: round(sums[name], 3) for name in HEADINGS[:-1]})
    found["the rest"] = round(max(seconds - sum(found.values()), 0.0), 3)


@contextmanager
def _collation_named() -> Iterator[None]:
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
