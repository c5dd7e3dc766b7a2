"""Broken and hostile files, each a few kilobytes of real bytes, and what must become of them.

`expect` says what a service owes the sender:
    error       no audio can be had from it: a clear refusal
    truncated   audio decodes and then breaks off or is damaged: a transcript, at best with a
                warning (some formats cannot tell that anything is missing)
    ok          odd but sound: a transcript like any other
`shows` records what PyAV did with the file when it was made, with the demuxers limited to
`ACCEPTED_FORMATS` and no protocol allowed. A file whose `expect` contradicts `shows` is not made.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error

ACCEPTED_FORMATS = "aac,aiff,amr,asf,caf,flac,matroska,mov,mp3,mpeg,ogg,wav,webm"
"""FFmpeg's names of the demuxers that the accepted containers need."""


@dataclass(frozen=True)
class Broken:
    """One file."""

    file: str
    """Its name; the extension is what a sender would claim."""
    why: str
    """What is wrong with it."""
    expect: str
    """`error`, `truncated` or `ok`."""
    data: bytes
    """The bytes."""


def make(folder: Path) -> list[dict[str, Any]]:
    """Write `folder/broken/*` from the good files in `folder`; return the manifest's rows.

    Raises:
        ValueError: a file behaves differently from what its `expect` says.
    """
    target = folder / "broken"
    target.mkdir(parents=True, exist_ok=True)
    rows = []
    for item in all_files(folder):
        shows = probe(item.data)
        if (item.expect == "error") != shows.startswith("no audio"):
            raise ValueError(f"{item.file} is marked {item.expect!r}, but shows {shows!r}")
        (target / item.file).write_bytes(item.data)
        rows.append({"file": item.file, "why": item.why, "expect": item.expect, "shows": shows})
    return rows


def probe(data: bytes) -> str:
    """What PyAV makes of `data`, without reading anything else."""
    options = {"format_whitelist": ACCEPTED_FORMATS, "protocol_whitelist": ""}
    seconds = 0.0
    try:
        with av.open(io.BytesIO(data), "r", options=options) as container:
            if not container.streams.audio:
                return "no audio: no audio track"
            for frame in container.decode(audio=0):
                seconds += frame.samples / frame.sample_rate
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        kind = type(error).__name__
        return f"audio {seconds:.2f} s, then {kind}" if seconds else f"no audio: {kind}"
    return f"audio {seconds:.2f} s" if seconds else "no audio: no samples"


def all_files(folder: Path) -> list[Broken]:
    """Every broken file."""
    good = {path.suffix[1:]: path.read_bytes() for path in (folder / "containers").iterdir()}
    good["video"] = (folder / "formats" / "video.webm").read_bytes()
    makers: tuple[Callable[[dict[str, bytes]], list[Broken]], ...] = (
        not_audio,
        references,
        truncated,
        damaged,
        lying_wav_headers,
        empty_shells,
    )
    return [item for maker in makers for item in maker(good)]


def not_audio(_: dict[str, bytes]) -> list[Broken]:
    """Other kinds of files under a sound file's name."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(zipfile.ZipInfo("speech.txt"), "not audio\n" * 20)
    png = _png(width=8, height=8)
    midi = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96)
    midi += b"MTrk" + struct.pack(">I", 12) + bytes.fromhex("00903c4060803c4000ff2f00")
    return [
        Broken("empty.mp3", "zero bytes", "error", b""),
        Broken("one_byte.wav", "a single byte", "error", b"R"),
        Broken("text.mp3", "plain text", "error", b"This is a sentence, not a sound.\n" * 8),
        Broken("json.wav", "a JSON document", "error", json.dumps({"audio": [0, 1, 0]}).encode()),
        Broken("page.mp3", "an HTML error page, as a failed download leaves it", "error",
               b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>\n"),
        Broken("archive.m4a", "a zip archive", "error", zipped.getvalue()),
        Broken("gzip.ogg", "gzip data", "error", gzip.compress(b"not audio\n" * 50, mtime=0)),
        Broken("picture.wav", "a PNG image", "error", png),
        Broken("photo.mp3", "the start of a JPEG image", "error",
               bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300")
               + bytes([16] * 64) + bytes.fromhex("ffd9")),
        Broken("animation.webm", "a GIF image", "error",
               b"GIF89a" + bytes.fromhex("0100010080000000000000ffffff2c00000000010001000002024401003b")),
        Broken("drawing.mp4", "an SVG image that names a file", "error",
               b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
        Broken("document.flac", "a PDF document", "error",
               b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
        Broken("program.aac", "the header of a Linux program", "error",
               b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(100)),
        Broken("subtitles.mp4", "SRT subtitles", "error",
               b"1\n00:00:00,000 --> 00:00:02,000\nDavid and Maria are going to the market.\n\n"),
        Broken("webvtt.webm", "WebVTT subtitles", "error",
               b"WEBVTT\n\n00:00.000 --> 00:02.000\nDavid and Maria are going to the market.\n"),
        Broken("notes.mpga", "a MIDI file", "error", midi),
        Broken("zeros.mp3", "4 kB of zero bytes", "error", bytes(4096)),
        Broken("random.ogg", "4 kB of random bytes", "error", _noise(4096, seed=1)),
        Broken("path.wav", "a text that is a path, as a dereferenced link would be", "error",
               b"/etc/passwd\n"),
        Broken("template.wav", "markup that names a URL and a path", "error",
               b"<a href='http://169.254.169.254/latest/meta-data/'>../../../../etc/passwd</a>"),
    ]  # fmt: skip


def references(_: dict[str, bytes]) -> list[Broken]:
    """Playlists and descriptions that make a careless decoder open files and sockets."""
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
    sdp = (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=speech\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=audio 5004 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
    )
    mpd = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S"><Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="1" bandwidth="64000"><BaseURL>http://127.0.0.1:9/a.mp4</BaseURL>'
        '<SegmentBase indexRange="0-100"/></Representation></AdaptationSet></Period></MPD>'
    )
    redirected = b"[Reference]\r\nRef1=http://127.0.0.1:9/a.wma?MSWMExt=.asf\r\n"
    asx = '<asx version="3.0"><entry><ref href="http://127.0.0.1:9/a.wma"/></entry></asx>'
    smil = '<smil><body><audio src="file:///etc/passwd"/></body></smil>'
    texts = {
        "ffconcat.mp3": ("an ffconcat script naming a local file",
                         "ffconcat version 1.0\nfile '/etc/passwd'\n"),
        "ffconcat_sibling.wav": ("an ffconcat script naming a sibling file",
                                 "ffconcat version 1.0\nfile manifest.json\nduration 10\n"),
        "playlist_file.mp3": ("an HLS playlist naming file:///etc/passwd",
                              hls.format("file:///etc/passwd")),
        "playlist_http.m4a": ("an HLS playlist naming an HTTP address on loopback",
                              hls.format("http://127.0.0.1:9/segment.ts")),
        "playlist_concat.ogg": ("an HLS playlist using the concat and subfile protocols",
                                hls.format("concat:/etc/hostname|subfile,,start,0,end,64,,:/etc/passwd")),
        "playlist_data.webm": ("an HLS playlist with a data: URL as its segment",
                               hls.format("data:audio/wav;base64,UklGRg==")),
        "session.wav": ("an SDP description that would open a UDP port", sdp),
        "dash.mp4": ("a DASH manifest naming an HTTP address on loopback", mpd),
        "asx.wma": ("an ASX playlist naming an HTTP address on loopback", asx),
        "smil.mpga": ("a SMIL presentation naming a local file", smil),
    }  # fmt: skip
    scripts = [Broken(name, why, "error", text.encode()) for name, (why, text) in texts.items()]
    why = "a Windows Media redirector naming an HTTP address on loopback"
    return [*scripts, Broken("redirector.wma", why, "error", redirected)]


def truncated(good: dict[str, bytes]) -> list[Broken]:
    """Good files that break off."""

    def cut(suffix: str, share: float) -> bytes:
        return good[suffix][: int(len(good[suffix]) * share)]

    files = [
        Broken(f"truncated.{suffix}", f"a good {suffix} file cut at 60 %", "truncated", cut(suffix, 0.6))
        for suffix in ("mp3", "flac", "wav", "ogg", "opus", "webm", "aac", "aiff", "amr", "wma")
    ]  # fmt: skip
    header = "only the first bytes of a good {} file, no audio data"
    return [
        *files,
        Broken(
            "truncated.mpeg", "a good mpeg file cut at 60 %; nothing in it tells its length", "ok", cut("mpeg", 0.6)
        ),
        Broken("truncated.mp4", "an MP4 file cut before its moov atom", "error", cut("mp4", 0.5)),
        Broken("truncated.m4a", "an M4A file cut before its moov atom", "error", cut("m4a", 0.5)),
        Broken("header_only.flac", header.format("flac"), "error", good["flac"][:42]),
        Broken("header_only.ogg", header.format("ogg"), "error", good["ogg"][:58]),
        Broken("header_only.webm", header.format("webm"), "error", good["webm"][:40]),
        Broken("header_only.mp4", header.format("mp4"), "error", good["mp4"][:32]),
        Broken("header_only.amr", header.format("amr"), "error", good["amr"][:6]),
    ]


def damaged(good: dict[str, bytes]) -> list[Broken]:
    """Good files with bytes overwritten, added or swapped."""
    mp3, flac, ogg, wav = good["mp3"], good["flac"], good["ogg"], good["wav"]
    sync = b"".join(b"\xff\xfb\x90\x64" + _noise(413, seed=index) for index in range(8))
    last_page = ogg.rindex(b"OggS")
    return [
        Broken("garbled.flac", "FLAC with corrupted frames in the middle", "ok",
               _overwrite(flac, 0.4, 3000)),
        Broken("garbled.mp3", "MP3 with 2 kB of random bytes in the middle", "truncated",
               _overwrite(mp3, 0.5, 2000)),
        Broken("garbled.ogg", "Ogg with corrupted pages in the middle", "ok",
               _overwrite(ogg, 0.5, 2500)),
        Broken("garbled.m4a", "M4A whose coded audio is corrupted in the middle", "ok",
               _overwrite(good["m4a"], 0.4, 1500)),
        Broken("no_last_page.ogg", "Ogg without its last page", "truncated", ogg[:last_page]),
        Broken("id3_only.mp3", "an ID3 tag and nothing else", "error", _id3(b"speech")),
        Broken("id3_huge.mp3", "an ID3 tag that claims 256 MB", "error",
               b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + bytes(200)),
        Broken("random_frames.mp3", "MP3 frame headers with random bytes between them", "error",
               sync),
        Broken("gsm_garbage.wav", "WAV that says GSM, with random bytes", "error",
               _wav(codec=0x31, bits=0, align=65, data=_noise(30, seed=7))),
        Broken("trailing_garbage.wav", "a good WAV followed by 2 kB of random bytes", "ok",
               wav + _noise(2000, seed=5)),
        Broken("leading_garbage.mp3", "500 random bytes before a good MP3", "ok",
               _noise(500, seed=6) + mp3),
        Broken("wrong_extension.mp3", "a good FLAC named mp3", "ok", flac),
        Broken("two_files.ogg", "two good Ogg files one after the other", "ok", ogg + ogg),
        Broken("mp3_in_wav.wav", "a good MP3 in a WAV container", "ok",
               _wav(codec=0x55, rate=16000, bits=0, align=1, data=mp3[mp3.index(b"\xff\xf3") :])),
    ]  # fmt: skip


def lying_wav_headers(good: dict[str, bytes]) -> list[Broken]:
    """WAV headers that claim the absurd, over a little good PCM."""
    whole = good["wav"][44:]
    pcm = whole[8000:16000]
    most = 0xFFFFFFFF
    return [
        Broken("streamed.wav", "sizes 0xFFFFFFFF, as a pipe writes them", "ok",
               _wav(data=whole, riff_size=most, data_size=most)),
        Broken("zero_sizes.wav", "sizes 0, as an interrupted recorder leaves them", "ok",
               _wav(data=whole, riff_size=0, data_size=0)),
        Broken("longer_than_it_is.wav", "a data size of ten times the data that is there", "truncated",
               _wav(data=whole[:32000], data_size=320000)),
        Broken("no_data_chunk.wav", "a header without a data chunk", "error",
               _wav(data=b"")[:36]),
        Broken("empty_data.wav", "a data chunk of length 0", "error", _wav(data=b"")),
        Broken("channels_0.wav", "0 channels", "error", _wav(channels=0, data=pcm)),
        Broken("channels_65535.wav", "65 535 channels, the most a WAV can claim", "error",
               _wav(channels=65535, data=pcm)),
        Broken("rate_0.wav", "sample rate 0", "error", _wav(rate=0, data=pcm)),
        Broken("rate_4_ghz.wav", "sample rate 4 294 967 295 Hz", "error", _wav(rate=most, data=pcm)),
        Broken("bits_999.wav", "999 bits a sample", "error", _wav(bits=999, data=pcm)),
        Broken("bits_0.wav", "0 bits a sample", "error", _wav(bits=0, data=pcm)),
        Broken("codec_unknown.wav", "a codec number that nobody has", "error",
               _wav(codec=0x7ABC, data=pcm)),
        Broken("format_chunk_huge.wav", "a format chunk that claims 2 GB", "error",
               b"RIFF" + struct.pack("<I", 100) + b"WAVEfmt " + struct.pack("<I", 2**31 - 1)
               + bytes(64)),
        Broken("big_endian.wav", "RIFX, the big-endian WAV", "ok", _rifx(whole)),
    ]  # fmt: skip


def empty_shells(good: dict[str, bytes]) -> list[Broken]:
    """Containers without an audio track, and headers that promise too much."""
    ebml = bytes.fromhex("1a45dfa3") + b"\x8b" + bytes.fromhex("428288") + b"matroska"
    segment = bytes.fromhex("18538067")
    info = bytes.fromhex("1549a966")
    nested = ebml + segment + b"\x01\xff\xff\xff\xff\xff\xff\xff"
    page = struct.pack("<4sBBqIIIB", b"OggS", 0, 2, 0, 1, 0, 0, 0)
    aiff = b"FORM" + struct.pack(">I", 46) + b"AIFFCOMM"
    aiff += struct.pack(">IhIh", 18, 32767, 2**31, 16)
    return [
        Broken("video_only.webm", "a video without an audio track", "error",
               _without_audio(good["video"])),
        Broken("pages_empty.ogg", "an Ogg stream of empty pages", "error", page * 20),
        Broken("bomb.mkv", "Matroska whose element claims 2^55 bytes", "error",
               nested + info + b"\x01\xff\xff\xff\xff\xff\xff\xfe" + bytes(64)),
        Broken("nested.mp4", "MP4 with 200 atoms inside one another", "error", _nested_atoms(200)),
        Broken("atom_size.mp4", "MP4 whose moov atom claims 2^62 bytes", "error",
               good["mp4"][:32] + struct.pack(">I4sQ", 1, b"moov", 2**62) + bytes(32)),
        Broken("channels_32767.aiff", "AIFF with 32 767 channels and 2^31 frames", "error",
               aiff + bytes.fromhex("400efa00000000000000") + b"SSND" + struct.pack(">III", 8, 0, 0)),
        Broken("streaminfo.flac", "FLAC whose stream info is all ones", "error",
               b"fLaC\x80\x00\x00\x22" + b"\xff" * 34),
        Broken("caf.m4a", "a CAF file under another name", "ok",
               b"caff\x00\x01\x00\x00desc" + struct.pack(">Qd4sIIIII", 32, 16000.0, b"lpcm", 0, 2, 1, 1, 16)
               + b"data" + struct.pack(">QI", 4 + 3200, 0) + bytes(3200)),
    ]  # fmt: skip


# --- building blocks -----------------------------------------------------------------------------


def _noise(size: int, seed: int) -> bytes:
    """Random bytes, the same every time."""
    return random.Random(seed).randbytes(size)


def _overwrite(data: bytes, at: float, size: int) -> bytes:
    """`data` with `size` bytes from share `at` on replaced by random ones."""
    start = int(len(data) * at)
    return data[:start] + _noise(size, seed=9) + data[start + size :]


def _wav(
    *,
    data: bytes,
    codec: int = 1,
    channels: int = 1,
    rate: int = 16000,
    bits: int = 16,
    align: int = 2,
    riff_size: int | None = None,
    data_size: int | None = None,
) -> bytes:
    """A WAV file whose header says what it is told to say."""
    size = len(data) if data_size is None else data_size
    whole = 36 + len(data) if riff_size is None else riff_size
    fields = (codec, channels, rate, min(rate * align, 0xFFFFFFFF), align, bits)
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, *fields)
    return head + b"data" + struct.pack("<I", size) + data


def _rifx(pcm: bytes) -> bytes:
    """Big-endian WAV from little-endian 16-bit samples."""
    swapped = b"".join(pcm[i : i + 2][::-1] for i in range(0, len(pcm), 2))
    head = b"RIFX" + struct.pack(">I", 36 + len(pcm)) + b"WAVEfmt "
    head += struct.pack(">IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    return head + b"data" + struct.pack(">I", len(pcm)) + swapped


def _png(width: int, height: int) -> bytes:
    """A grey PNG image."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _id3(title: bytes) -> bytes:
    """An ID3v2.3 tag with a title."""
    frame = b"TIT2" + struct.pack(">IH", len(title) + 1, 0) + b"\0" + title
    return b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(frame)]) + frame


def _nested_atoms(depth: int) -> bytes:
    """MP4 `moov` atoms inside `moov` atoms."""
    body = b""
    for _ in range(depth):
        body = struct.pack(">I4s", len(body) + 8, b"moov") + body
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 512, b"isom") + body


def _without_audio(video: bytes) -> bytes:
    """The same WebM with its video track only."""
    target = io.BytesIO()
    exact = {"fflags": "bitexact"}
    with (
        av.open(io.BytesIO(video), "r") as source,
        av.open(target, "w", format="webm", options=exact) as sink,
    ):
        track = source.streams.video[0]
        copy = sink.add_stream_from_template(track)
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.stream = copy
                sink.mux(packet)
    return target.getvalue()
