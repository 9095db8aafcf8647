"""A body as it was before it was packed for the way, piece by piece, however much it grows.

The library's own unpacking takes a gzip stream that ends too early for a whole one.
"""

import zlib
from collections.abc import Iterator

import httpx2

from londonpump.ingest.http.errors import LATER, AttemptFailed, Failure

_PIECE_BYTES = 1 << 20
_PLAIN, _GZIP = frozenset({"", "identity"}), frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW = zlib.MAX_WBITS | 16


def decompressed(response: httpx2.Response) -> Iterator[bytes]:
    """The body. Raises: Failed where it is damaged, cut short or packed in another way than we asked for."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PLAIN:
        yield from response.iter_raw()
    elif encoding in _GZIP:
        yield from _gunzip(response.iter_raw())
    else:
        raise AttemptFailed(Failure("the answer is packed in a way that was not asked for", LATER))


def is_compressed(response: httpx2.Response) -> bool:
    """Are the bytes on the way other than those of the file?"""
    return response.headers.get("content-encoding", "").strip().lower() not in _PLAIN


def _gunzip(raw: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP_WINDOW)
    has_begun = False
    try:
        for compressed in raw:
            rest = compressed
            while rest:
                if stream.eof:
                    stream = zlib.decompressobj(_GZIP_WINDOW)
                has_begun = True
                yield stream.decompress(rest, _PIECE_BYTES)
                rest = stream.unused_data if stream.eof else stream.unconsumed_tail
    except zlib.error:
        raise AttemptFailed(_damaged()) from None
    if has_begun and not stream.eof:
        raise AttemptFailed(_damaged())


def _damaged() -> Failure:
    return Failure("the packed answer is damaged", LATER, is_transient=True)
