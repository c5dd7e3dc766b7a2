"""Which audio codecs are decoded: those that recordings of people have. FFmpeg has 213, most of them for games."""

from typing import Final

CODECS: Final = frozenset(
    {
        *("aac", "aac_latm", "alac", "flac", "mp1float", "mp2float", "mp3float", "mp1", "mp2", "mp3", "opus", "vorbis"),
        *("ac3", "eac3", "dca", "mlp", "truehd"),  # films and broadcasts
        *("wmalossless", "wmapro", "wmav1", "wmav2", "wmavoice"),
        *("amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "evrc", "qcelp"),  # telephones
        *("g722", "g723_1", "g726", "g726le", "g729", "gsm", "gsm_ms", "ilbc", "speex", "truespeech"),  # telephony
        *("adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_yamaha", "mace3", "mace6", "qdm2"),  # older recordings
        "nellymoser",  # microphones in Flash
        *("tta", "wavpack"),
        *("pcm_alaw", "pcm_mulaw", "pcm_bluray", "pcm_dvd", "s302m"),
        *("pcm_s8", "pcm_s8_planar", "pcm_u8"),
        *("pcm_f16le", "pcm_f24le", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le"),
        *("pcm_s16be", "pcm_s16be_planar", "pcm_s16le", "pcm_s16le_planar", "pcm_u16be", "pcm_u16le"),
        *("pcm_s24be", "pcm_s24le", "pcm_s24le_planar", "pcm_u24be", "pcm_u24le"),
        *("pcm_s32be", "pcm_s32le", "pcm_s32le_planar", "pcm_u32be", "pcm_u32le", "pcm_s64be", "pcm_s64le"),
    }
)
"""FFmpeg's names of decoders."""

CODEC_WHITELIST: Final = ",".join(sorted(CODECS))
"""As FFmpeg's option has it. No video and no subtitle decoder is ever opened."""
