"""Long columns of whole numbers, to bytes and back."""

import gc
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from londonpump.models.npz import from_npz, to_npz

ARRAYS = {
    "none": np.empty(0, np.int64),
    "small": np.array([0, 1, 255]),
    "below_none": np.array([-2_500, 2_500]),
    "far": np.array([-1, 2**40]),
}


def test_what_was_written_is_read() -> None:
    again = from_npz(to_npz(ARRAYS))
    assert {name: values.tolist() for name, values in again.items()} == {
        name: values.tolist() for name, values in ARRAYS.items()
    }
    assert {values.dtype for values in again.values()} == {np.dtype(np.int64)}


def test_the_same_arrays_give_the_same_bytes() -> None:
    assert to_npz(ARRAYS) == to_npz(ARRAYS)


def test_each_column_is_kept_small() -> None:
    assert len(to_npz({"small": np.zeros(100_000, np.int64)})) < 101_000


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def damaged() -> bytes:
    content = bytearray(to_npz(ARRAYS))
    content[len(content) // 4] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        to_npz(ARRAYS)[:-30],
        damaged(),
        saved(harm=np.array([print], object)),
        saved(gap=np.array([1.0, np.nan])),
        saved(square=np.zeros((2, 2), np.int64)),
        saved(text=np.array(["a"])),
    ],
)
def test_nothing_but_columns_of_whole_numbers_is_read(content) -> None:
    with pytest.raises(ValueError, match=r"\.npz"):
        from_npz(content)


class Finalised:
    """Garbage whose end runs Python code, so that another thread may go on in the middle of a collection."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        sum(range(200))


def test_threads_read_at_once_while_garbage_is_collected() -> None:
    """CPython 3.11 would let NumPy's reading of a head fail; two models of a comparison are loaded in two threads."""
    content = to_npz({f"column_{number}": np.arange(50) for number in range(20)})
    thresholds, interval_s = gc.get_threshold(), sys.getswitchinterval()

    def read(_: int) -> None:
        for _ in range(40):
            Finalised()
            from_npz(content)

    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(read, range(4)))
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval_s)
