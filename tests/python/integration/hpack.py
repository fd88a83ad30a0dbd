"""HPACK for tests: encodes plain literals, decodes what a server sends to a peer without a table.

With SETTINGS_HEADER_TABLE_SIZE 0 a server may use the static table, literals and the Huffman code
(RFC 7541), and nothing else has to be understood. Only ASCII is decoded: response headers hold no
other characters.
"""

from __future__ import annotations

from collections.abc import Iterable

Headers = list[tuple[str, str]]

# RFC 7541 appendix A, one name or name=value per entry.
_STATIC = """:authority|:method=GET|:method=POST|:path=/|:path=/index.html|
:scheme=http|:scheme=https|:status=200|:status=204|:status=206|
:status=304|:status=400|:status=404|:status=500|accept-charset|
accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|
allow|authorization|cache-control|content-disposition|content-encoding|content-language|
content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|
host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|
location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|
server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"""
_ENTRIES = [entry.partition("=")[::2] for entry in _STATIC.replace("\n", "").split("|")]
assert len(_ENTRIES) == 61

# RFC 7541 appendix B: the code is canonical, so the characters of each length, in order, define it.
_BY_LENGTH = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: '!"()?',
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
    19: "\\",
}


def _codes() -> dict[tuple[int, int], str]:
    table: dict[tuple[int, int], str] = {}
    code = length = 0
    for size, characters in _BY_LENGTH.items():
        code <<= size - length
        length = size
        for character in characters:
            table[size, code] = character
            code += 1
    return table


_CODES = _codes()


def _unhuffman(data: bytes) -> str:
    text, code, length = "", 0, 0
    for bit in "".join(f"{byte:08b}" for byte in data):
        code, length = code << 1 | int(bit), length + 1
        if (character := _CODES.get((length, code))) is not None:
            text, code, length = text + character, 0, 0
    assert (length < 8, code) == (True, (1 << length) - 1), "padding must be the start of EOS"
    return text


def _integer(value: int, bits: int, flags: int = 0) -> bytes:
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([flags | value])
    out, value = [flags | limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def encode(headers: Iterable[tuple[str, str | bytes]]) -> bytes:
    """Every header as a literal without indexing and without Huffman coding."""
    out = b""
    for name, value in headers:
        raw = value.encode("latin-1") if isinstance(value, str) else value
        out += b"\0" + _integer(len(name), 7) + name.encode("latin-1")
        out += _integer(len(raw), 7) + raw
    return out


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def integer(self, bits: int) -> int:
        limit = (1 << bits) - 1
        value = self.data[self.at] & limit
        self.at += 1
        shift = 0
        while value >= limit:
            byte = self.data[self.at]
            self.at += 1
            value += (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return value

    def string(self) -> str:
        coded = self.data[self.at] & 128
        size = self.integer(7)
        raw, self.at = self.data[self.at : self.at + size], self.at + size
        return _unhuffman(raw) if coded else raw.decode("latin-1")


def decode(block: bytes) -> Headers:
    """The headers of a block that uses no dynamic table."""
    reader, headers = _Reader(block), Headers()
    while reader.at < len(block):
        first = block[reader.at]
        if first & 0x80:
            headers.append(_ENTRIES[reader.integer(7) - 1])
        elif first & 0xE0 == 0x20:
            assert reader.integer(5) == 0, "the table size was limited to 0"
        else:
            index = reader.integer(6 if first & 0xC0 == 0x40 else 4)
            name = _ENTRIES[index - 1][0] if index else reader.string()
            headers.append((name, reader.string()))
    return headers
