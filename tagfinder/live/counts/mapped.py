"""Files of arrays that are mapped into memory, so that processes share them and open them at once.

The files are NumPy's `.npz` (`numpy.load` reads them); each array begins at a multiple of 64 bytes.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from math import prod
from pathlib import Path
from struct import Struct
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import crc32

import numpy as np

from tagfinder.files import atomic_path

# NumPy pads the header of an array to as much.
ALIGNMENT = 64
# A local header of a zip file has 30 bytes; the last four are the lengths of the name and of the
# extra fields. Zip64 adds an extra field of 20 bytes.
LOCAL_HEADER, ZIP64_FIELD = 30, 20
# An extra field begins with its kind and its length. This kind pads, as in Android's zipalign.
EXTRA_FIELD = Struct("<HH")
PADDING = 0xD935


def save_arrays(arrays: Mapping[str, np.ndarray], file: Path) -> None:
    """Write arrays by their names, complete or not at all."""
    with (
        atomic_path(file) as path,
        path.open("wb") as stream,
        ZipFile(stream, "w", allowZip64=True) as archive,
    ):
        for name, array in arrays.items():
            member = ZipInfo(f"{name}.npy")
            start = stream.tell() + LOCAL_HEADER + len(member.filename.encode()) + ZIP64_FIELD
            padding = -(start + EXTRA_FIELD.size) % ALIGNMENT
            member.extra = EXTRA_FIELD.pack(PADDING, padding) + bytes(padding)
            with archive.open(member, "w", force_zip64=True) as content:
                np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)


def map_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file; what is changed of them stays in this process.

    Raises:
        BadZipFile: the file is damaged: each array's checksum is compared.
        ValueError: it has something else than arrays.
    """
    with file.open("rb") as stream, ZipFile(stream) as archive:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        return {
            member.filename.removesuffix(".npy"): _array(stream, mapped, member)
            for member in archive.infolist()
        }


def _array(stream: IO[bytes], mapped: mmap.mmap, member: ZipInfo) -> np.ndarray:
    stream.seek(member.header_offset + LOCAL_HEADER - 4)
    lengths = int.from_bytes(stream.read(2), "little") + int.from_bytes(stream.read(2), "little")
    start = stream.tell() + lengths
    end = start + member.file_size
    if member.compress_type or crc32(memoryview(mapped)[start:end]) != member.CRC:
        raise BadZipFile(f"bad checksum of {member.filename}")
    stream.seek(start)
    np.lib.format.read_magic(stream)
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    start = stream.tell()
    if fortran_order or dtype.hasobject or prod(shape) * dtype.itemsize != end - start:
        raise ValueError(f"{member.filename} is no plain array")
    return np.ndarray(shape, dtype, mapped, start)
