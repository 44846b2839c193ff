"""Randomness by identity, not by order.

Every draw names what it is for and what it is about, so workers, ranks and resume cannot change what is trained, and any
row can be drawn again.
"""

import hashlib
import random

import numpy as np

Identity = str | int


def seed_of(seed: int, purpose: str, *identity: Identity) -> int:
    """Returns a 64-bit seed for one draw, the same on every machine and Python version.

    >>> seed_of(0, "template", "task1", 7) == seed_of(0, "template", "task1", 7)
    True
    >>> seed_of(0, "template", "task1", 7) == seed_of(0, "shots", "task1", 7)
    False
    """
    # Each part carries its type and length, so ("a", "bc") and ("ab", "c") differ, and so do 1 and "1".
    digest = hashlib.blake2b(digest_size=8)
    for part in (seed, purpose, *identity):
        text = f"{type(part).__name__}:{part}".encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "little") + text)
    return int.from_bytes(digest.digest(), "little")


def rng(seed: int, purpose: str, *identity: Identity) -> random.Random:
    """Returns a generator for one purpose and one identity.

    >>> rng(0, "shots", "task1", 7).randrange(100) == rng(0, "shots", "task1", 7).randrange(100)
    True
    """
    return random.Random(seed_of(seed, purpose, *identity))


def generator(seed: int, purpose: str, *identity: Identity) -> np.random.Generator:
    """Returns a numpy generator for one purpose and one identity.

    >>> generator(0, "corrupt", "task1", 7).permutation(4).tolist() == permutation(4, 0, "corrupt", "task1", 7).tolist()
    True
    """
    return np.random.Generator(np.random.PCG64(seed_of(seed, purpose, *identity)))


def permutation(length: int, seed: int, purpose: str, *identity: Identity) -> np.ndarray:
    """Returns the numbers 0 to `length - 1` in an order drawn from identity, int64 (length,).

    >>> sorted(permutation(4, 0, "order", "task1").tolist())
    [0, 1, 2, 3]
    """
    return generator(seed, purpose, *identity).permutation(length)
