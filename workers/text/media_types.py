"""Media types by the ending of a file's name. Source: IANA media types registry and the RFCs that it names. Pure."""

import re
from urllib.parse import urlsplit

MEDIA_TYPES = {
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "mp3": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "avi": "video/x-msvideo",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "ogv": "video/ogg",
    "webm": "video/webm",
    "m3u8": "application/vnd.apple.mpegurl",
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
    "epub": "application/epub+zip",
    "pdf": "application/pdf",
    "zip": "application/zip",
}

# Playlists of streams, and containers of audio or video.
STREAM_TYPES = frozenset(
    "application/vnd.apple.mpegurl application/x-mpegurl application/dash+xml application/ogg application/mp4".split()
)
# File endings of audio, video and documents.
_OTHER_MEDIA = re.compile(
    r"\.(?:mp[34]|m4[av]|mov|webm|og[agv]|opus|wav|flac|aac|avi|mpe?g|m3u8|pdf|zip)(?:[?#]|\Z)", re.IGNORECASE
)


def media_type_of(url: str) -> str:
    """Return the media type of the file at *url* by the ending of its path; "" for an unknown one.

    >>> media_type_of("https://mill.example/a.MP3?x=1"), media_type_of("https://mill.example/a")
    ('audio/mpeg', '')
    """
    return MEDIA_TYPES.get(urlsplit(url).path.rpartition(".")[2].lower(), "")


def is_image(url: str, media_type: str | None, medium: str | None = None) -> bool:
    """Return whether a media object is an image: by its media type or medium (Media RSS 1.5.1), else by its URL."""
    if media_type or medium:
        return "image" in f"{media_type} {medium}".lower()
    return not _OTHER_MEDIA.search(url)


def is_audio_or_video(url: str | None, media_type: str | None, medium: str | None = None) -> bool:
    """Return whether a media object is an audio or video file. A page or Flash player with a video is none.

    >>> is_audio_or_video("https://mill.example/a", "text/html", "video")
    False
    """
    if not url:
        return False
    stated = media_type if "/" in (media_type or "") else ""
    kind = (stated or medium or media_type_of(url)).strip().lower()
    return kind.startswith(("audio", "video")) or kind in STREAM_TYPES
