"""The accepted containers, and names for files that are not audio."""

import re
from typing import Final

ACCEPTED: Final = (
    "flac, mp3, mp4, mpeg, mpga, m4a, ogg, oga, opus, wav, webm, aac, ac3, aiff, amr, au, avi, caf, dts, eac3, flv,"
    " mts, ts and wma"
)
"""As a sentence for the caller: the file types that FORMAT_WHITELIST reads."""

# FFmpeg's names. Playlists and descriptions (hls, dash, concat, sdp, ...) open files and sockets and stay out.
FORMAT_WHITELIST: Final = (
    "aac,ac3,aiff,amr,amrnb,amrwb,asf,au,avi,caf,dts,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"
)

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    # (offset, bytes, what it is); people send each of these by mistake.
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftypavif", "an AVIF image"),
    (4, b"ftypheic", "a HEIC image"),
    (0, b"MThd", "a MIDI score (notes, no sound)"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90", "a program"),
    (0, b"SQLite format 3\x00", "a SQLite database"),
    (0, b"\x93NUMPY", "a NumPy array"),
)

_TEXTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"#extm3u", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"[playlist]", "a playlist"),
    (b"v=0", "a session description (SDP)"),
    (b"webvtt", "WebVTT subtitles"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"<", "an XML or HTML document"),
    (b"{", "a JSON text"),
    (b"[", "a JSON text"),
    (b"data:", "a data: URL; pass it as the url parameter"),
)

_OURS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (8, b"WAVE", "WAV"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "FLV"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (4, b"ftyp", "MP4"),
    (4, b"moov", "MP4"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (0, b"ID3", "MP3"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (8, b"AIF", "AIFF"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b".snd", "AU"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
)

_BOXES: Final = frozenset(
    (b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"sidx", b"free", b"skip", b"wide", b"pnot", b"udta", b"uuid")
)
"""What an MP4 or QuickTime file may begin with."""

_CLUSTER: Final = b"\x1f\x43\xb6\x75"
_SIMPLE_BLOCK: Final = re.compile(rb"\xa3(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f]..)[\x81-\x84]..[\x00\x80]", re.DOTALL)
"""A SimpleBlock: its id, its size in one to three bytes, a small track number, two bytes of time, flags without
lacing."""

_TEXT_BYTES: Final = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\n\r\f")


def looks_like(head: bytes) -> str | None:
    """What a file is that cannot be audio, by its first bytes.

    Args:
        head: the first 512 bytes of the file, or all of a shorter one.

    Returns:
        A noun with its article ("a ZIP archive"); None when the bytes may well be audio.
    """
    for offset, magic, noun in _MAGIC:
        if head.startswith(magic, offset):
            return noun
    return _kind_of_text(head) if _is_text(head) and not begins_as(head) else None


def begins_as(head: bytes) -> str | None:
    """Name of the accepted container that begins with these bytes."""
    return next((name for offset, magic, name in _OURS if head.startswith(magic, offset)), None)


def is_mp4(head: bytes) -> bool:
    """Whether a file begins with a box of MP4 (ISO/IEC 14496-12, section 4.2)."""
    return head[4:8] in _BOXES


def formats_of(head: bytes) -> str:
    """The part of FORMAT_WHITELIST for a file with these first bytes.

    FFmpeg would find an MP4 behind other bytes, too, where `mp4_index` has not looked.
    """
    return "mov" if is_mp4(head) else ",".join(name for name in FORMAT_WHITELIST.split(",") if name != "mov")


def piece_of(head: bytes) -> str | None:
    """The container of a fragment: a later piece of a file, without the header that decoders need.

    A browser's MediaRecorder makes such pieces of WebM: all but the first begin with a Cluster or within one, with a
    SimpleBlock (RFC 9559, section 5.1). Live streams are sent in such segments of MP4 (ISO/IEC 14496-12, section 8.16).
    """
    if head.startswith(_CLUSTER) or _SIMPLE_BLOCK.match(head):
        return "WebM"
    segment = head[4:8] in (b"moof", b"styp", b"sidx") and b"moov" not in head
    return "MP4" if segment else None


def _is_text(head: bytes) -> bool:
    """No accepted container begins with this many bytes that are all text; UTF-8 beyond ASCII counts as text."""
    if head.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):  # byte order marks; an MP3 frame never starts so
        return not head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[2:4]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else: a character cut in two by the end of the head
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(ord(char) in _TEXT_BYTES or ord(char) >= 0xA0 for char in text)


def _kind_of_text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((noun for prefix, noun in _TEXTS if start.startswith(prefix)), "plain text")
