"""What a device can compute at most, to compare with what a benchmark made it compute."""

from __future__ import annotations

import time

import torch

SIZE = 8192
PRODUCTS = 20


def synchronized() -> float:
    """Return the time in seconds after the GPU has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def name_of(device: str) -> str:
    """Return a device's name for the first line of a benchmark."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads"


def bfloat16_rate() -> float:
    """Return the GPU's bfloat16 rate in FLOP/s: products of random 8192 x 8192 matrices."""
    a, b = (torch.randn(SIZE, SIZE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    start = synchronized()
    for _ in range(PRODUCTS):
        a @ b
    return PRODUCTS * 2 * SIZE**3 / (synchronized() - start)
