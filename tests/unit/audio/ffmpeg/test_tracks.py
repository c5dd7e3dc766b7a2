"""Which audio track is heard, where its clock begins, and pieces that lack their beginning."""

import io
from fractions import Fraction
from types import SimpleNamespace

import av
import av.container
import numpy as np
import pytest
from av.stream import Disposition

from speechd.audio.decode import open_audio
from speechd.audio.ffmpeg import tracks
from speechd.audio.ffmpeg.stream import open_stream
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.errors import InvalidAudio, InvalidRequest
from speechd.types import SAMPLE_RATE
from tests.support.generated_audio import Floats, encode, tone
from tests.unit.audio.test_decode import decoded, loudness, pitch

GERMAN, ENGLISH, COMMENTARY = 440.0, 700.0, 1000.0
"""Hz: what is heard on each track of FILM."""


def film(*voices: tuple[float, str, str], default: int | None = None, container: str = "matroska") -> bytes:
    """A video with audio tracks of 2 s.

    Args:
        voices: pitch in Hz, language tag and title of each track.
        default: the track that is flagged as the default one; None leaves the flags to the muxer.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        added = [out.add_stream("aac", rate=16_000, layout="mono") for _ in voices]
        for number, (track, (_, language, title)) in enumerate(zip(added, voices, strict=True)):
            track.metadata.update({"language": language, "title": title})
            if default is not None:
                track.disposition = Disposition.default if number == default else Disposition(0)
        for track, (hertz, _, _) in zip(added, voices, strict=True):
            for begin in range(0, 32_000, 16_000):
                samples = tone(2, 16_000, hertz)[None, begin : begin + 16_000]
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "mono")
                frame.sample_rate, frame.pts, frame.time_base = 16_000, begin, Fraction(1, 16_000)
                out.mux(track.encode(frame))
            out.mux(track.encode(None))
    return buffer.getvalue()


def heard(data: bytes, audio_track: str | None = None) -> float:
    """The pitch, in Hz."""
    with open_audio(io.BytesIO(data), audio_track=audio_track) as stream:
        return pitch(np.concatenate(list(stream))[4_000:20_000])


THREE = ((GERMAN, "ger", ""), (ENGLISH, "eng", "Main"), (COMMENTARY, "eng", "Commentary\n\u202e"))


@pytest.mark.parametrize(("default", "hertz"), [(0, GERMAN), (1, ENGLISH), (2, COMMENTARY), (None, GERMAN)])
def test_the_default_track_is_heard_else_the_first(default: int | None, hertz: float) -> None:
    assert heard(film(*THREE, default=default)) == pytest.approx(hertz, abs=3)


@pytest.mark.parametrize(
    ("audio_track", "hertz"), [("0", GERMAN), ("1", ENGLISH), ("2", COMMENTARY), ("de", GERMAN), ("en", ENGLISH)]
)
def test_a_track_is_chosen_by_number_or_language(audio_track: str, hertz: float) -> None:
    assert heard(film(*THREE, default=0), audio_track) == pytest.approx(hertz, abs=3)


def test_of_two_tracks_in_one_language_the_default_one_is_heard() -> None:
    assert heard(film(*THREE, default=2), "en") == pytest.approx(COMMENTARY, abs=3)


def test_tracks_of_mp4_and_transport_streams_have_languages_too() -> None:
    for container in ("mp4", "mpegts"):
        assert heard(film(*THREE, container=container), "en") == pytest.approx(ENGLISH, abs=3)


def test_a_language_that_is_not_whispers_is_found_by_its_tag() -> None:
    assert heard(film((GERMAN, "ger", ""), (ENGLISH, "gle", "")), "gle") == pytest.approx(ENGLISH, abs=3)


@pytest.mark.parametrize("audio_track", ["fr", "3", "-1"])
def test_a_track_that_is_not_there_is_refused_with_those_that_are(audio_track: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        heard(film(*THREE), audio_track)
    assert (refusal.value.status, refusal.value.param) == (400, "audio_track")
    assert refusal.value.message == (
        f"The recording has no audio track '{audio_track}'. It has 0 (German, aac, 1 channel),"
        ' 1 (English, "Main", aac, 1 channel), 2 (English, "Commentary", aac, 1 channel).'
    )


def test_hundreds_of_tracks_are_not_all_listed() -> None:
    with pytest.raises(InvalidRequest, match=r"15 \(German.* and 4 more\.$"):
        heard(film(*[THREE[0]] * 20), "fr")


def test_a_plain_recording_has_track_0() -> None:
    data = encode(tone(2, 16_000), 16_000, "flac", "flac")
    assert heard(data, "0") == pytest.approx(440, abs=2)
    with pytest.raises(InvalidRequest, match=r"It has 0 \(language unknown, flac, 1 channel\)"):
        heard(data, "de")


# The clock


@pytest.mark.parametrize(
    ("container", "codec"),
    [("matroska", "flac"), ("webm", "libopus"), ("mpegts", "aac"), ("asf", "wmav2"), ("mp4", "aac"), ("mpeg", "mp2")],
)
def test_a_recording_whose_clock_starts_at_one_hour_is_as_long_as_it_is(container: str, codec: str) -> None:
    data = encode(tone(2, 48_000), 48_000, container, codec, start=3_599.0)
    with open_audio(io.BytesIO(data)) as stream:
        assert stream.expected_seconds == pytest.approx(2, abs=0.15)
        samples = np.concatenate(list(stream))
    assert not stream.truncated
    assert len(samples) / SAMPLE_RATE == pytest.approx(2, abs=0.1)
    assert loudness(samples[1_600:8_000]) > 0.2


@pytest.mark.parametrize(("container", "codec"), [("matroska", "flac"), ("mpegts", "aac"), ("mp4", "aac")])
@pytest.mark.parametrize("clock", [0.0, 3_600.0])
def test_sound_that_starts_after_the_picture_keeps_its_place(container: str, codec: str, clock: float) -> None:
    data = encode(tone(2, 48_000), 48_000, container, codec, start=clock + 1.5, video=True, video_start=clock)
    samples, truncated = decoded(data)
    assert not truncated
    assert len(samples) / SAMPLE_RATE == pytest.approx(3.5, abs=0.1)
    assert loudness(samples[: int(1.4 * SAMPLE_RATE)]) < 1e-3
    assert loudness(samples[int(1.6 * SAMPLE_RATE) :]) > 0.2


def test_half_of_a_recording_whose_clock_starts_at_one_hour_is_missed() -> None:
    data = encode(tone(20, 48_000), 48_000, "matroska", "flac", start=3_600.0)
    samples, truncated = decoded(data[: len(data) // 2])
    assert truncated
    assert 8 < len(samples) / SAMPLE_RATE < 12


# Transport streams


def camera(stream: bytes) -> bytes:
    """As cameras store it (M2TS): four bytes of time before each packet of 188."""
    return b"".join(b"\0\0\0\0" + stream[at : at + 188] for at in range(0, len(stream), 188))


@pytest.mark.parametrize("codec", ["aac", "mp2"])
@pytest.mark.parametrize("form", [bytes, camera])
def test_transport_streams(codec: str, form: type) -> None:
    samples, truncated = decoded(form(encode(tone(7.31, 48_000), 48_000, "mpegts", codec)))
    assert not truncated
    assert len(samples) / SAMPLE_RATE == pytest.approx(7.31, abs=0.06)
    assert pitch(samples[16_000:32_000]) == pytest.approx(440, abs=2)


def test_a_transport_stream_cut_anywhere_is_no_broken_recording() -> None:
    data = encode(tone(20, 48_000), 48_000, "mpegts", "aac")
    samples, truncated = decoded(data[len(data) // 4 + 77 : -len(data) // 4 + 33])
    assert not truncated
    assert len(samples) / SAMPLE_RATE == pytest.approx(10, abs=1)


# Pieces


def webm(seconds: float) -> bytes:
    """A WebM as a browser streams it: Clusters of a second."""
    buffer = io.BytesIO()
    options = {"cluster_time_limit": "1000", "live": "1"}
    with av.open(buffer, "w", format="webm", options=options) as out:
        track = out.add_stream("libopus", rate=48_000, layout="mono")
        samples: Floats = tone(seconds, 48_000)[None]
        frame = av.AudioFrame.from_ndarray(samples, "flt", "mono")
        frame.sample_rate = 48_000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return buffer.getvalue()


def assert_piece(data: bytes, kind: str) -> None:
    with pytest.raises(InvalidAudio, match=f"fragment of {kind}, a later piece without the header") as refusal:
        decoded(data)
    assert (refusal.value.status, refusal.value.error_code) == (400, "invalid_audio")


def test_later_pieces_of_a_browsers_recording_are_refused_as_such() -> None:
    whole = webm(5)
    clusters = [at for at in range(len(whole)) if whole.startswith(b"\x1f\x43\xb6\x75", at)]
    assert len(clusters) > 3
    blocks = [at for at in range(len(whole)) if whole[at] == 0xA3 and whole[at + 3 : at + 4] == b"\x81"]
    assert len(blocks) > 50
    for at in clusters[1:] + blocks[-40:-3]:
        assert_piece(whole[at:], "WebM")
    assert len(decoded(whole)[0]) / SAMPLE_RATE == pytest.approx(5, abs=0.05)


def test_segments_of_mp4_are_refused_as_such() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        track = out.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(3, 16_000)[None], "fltp", "mono")
        frame.sample_rate = 16_000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    whole = buffer.getvalue()
    segment = whole[whole.index(b"moof") - 4 :]
    assert_piece(segment, "MP4")
    assert_piece(b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix" + segment, "MP4")
    assert len(decoded(whole)[0]) / SAMPLE_RATE == pytest.approx(3, abs=0.1)


# Our own faults


def test_a_wrong_call_of_ours_is_not_the_callers_broken_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a new PyAV no longer takes an argument."""

    def opened(file: object, mode: str) -> None:
        """Takes no options."""

    monkeypatch.setattr(tracks, "av", SimpleNamespace(open=opened, time_base=av.time_base))
    with pytest.raises(TypeError, match="unexpected keyword"):
        open_stream(io.BytesIO(encode(tone(1, 16_000), 16_000, "flac", "flac")), DecodeOptions())
