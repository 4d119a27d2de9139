"""Decoding of pages and feed documents by the labels of the WHATWG Encoding Standard. Pure."""

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"""<meta[^>]{0,300}?charset\s*+=\s*+["']?+\s*+([\w:.-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*+=\s*+["']([\w:.-]{2,40})""", re.IGNORECASE)
_SNIFF_BYTES = 4096
# Label in lower case → Python's codec for that encoding on the web. No other codec is used: some codecs of Python are
# not text encodings, and some take quadratic time.
# Source: WHATWG Encoding, §4.2 names and labels, without those of the replacement and x-user-defined encodings.
CODECS: dict[str, str] = {
    label: codec
    for codec, labels in {
        "utf-8": "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
        "utf-16-le": "utf-16le utf-16 ucs-2 unicode iso-10646-ucs-2 csunicode unicodefeff",
        "utf-16-be": "utf-16be unicodefffe",
        "cp866": "cp866 866 csibm866 ibm866",
        "iso8859-2": "iso-8859-2 iso8859-2 iso88592 iso_8859-2 latin2 l2 csisolatin2 iso-ir-101 iso_8859-2:1987",
        "iso8859-3": "iso-8859-3 iso8859-3 iso88593 iso_8859-3 latin3 l3 csisolatin3 iso-ir-109 iso_8859-3:1988",
        "iso8859-4": "iso-8859-4 iso8859-4 iso88594 iso_8859-4 latin4 l4 csisolatin4 iso-ir-110 iso_8859-4:1988",
        "iso8859-5": "iso-8859-5 iso8859-5 iso88595 iso_8859-5 cyrillic csisolatincyrillic iso-ir-144 iso_8859-5:1988",
        "iso8859-6": "iso-8859-6 iso8859-6 iso88596 iso_8859-6 arabic ecma-114 asmo-708 iso-ir-127 iso-8859-6-e iso-8859-6-i csisolatinarabic csiso88596e csiso88596i iso_8859-6:1987",
        "iso8859-7": "iso-8859-7 iso8859-7 iso88597 iso_8859-7 greek greek8 ecma-118 elot_928 sun_eu_greek iso-ir-126 csisolatingreek iso_8859-7:1987",
        "iso8859-8": "iso-8859-8 iso8859-8 iso88598 iso_8859-8 hebrew visual iso-8859-8-e iso-8859-8-i logical iso-ir-138 csisolatinhebrew csiso88598e csiso88598i iso_8859-8:1988",
        "iso8859-10": "iso-8859-10 iso8859-10 iso885910 latin6 l6 csisolatin6 iso-ir-157",
        "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
        "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
        "iso8859-15": "iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 csisolatin9",
        "iso8859-16": "iso-8859-16",
        "koi8-r": "koi8-r koi8 koi koi8_r cskoi8r",
        "koi8-u": "koi8-u koi8-ru",
        "mac-roman": "macintosh mac x-mac-roman csmacintosh",
        "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
        "cp874": "cp874 windows-874 dos-874 iso-8859-11 iso8859-11 iso885911 tis-620",
        "cp1250": "windows-1250 cp1250 x-cp1250",
        "cp1251": "windows-1251 cp1251 x-cp1251",
        "cp1252": "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso88591 iso_8859-1 latin1 l1 ascii us-ascii ansi_x3.4-1968 cp819 ibm819 csisolatin1 iso-ir-100 iso_8859-1:1987",
        "cp1253": "windows-1253 cp1253 x-cp1253",
        "cp1254": "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 latin5 l5 csisolatin5 iso-ir-148 iso_8859-9:1989",
        "cp1255": "windows-1255 cp1255 x-cp1255",
        "cp1256": "windows-1256 cp1256 x-cp1256",
        "cp1257": "windows-1257 cp1257 x-cp1257",
        "cp1258": "windows-1258 cp1258 x-cp1258",
        "gb18030": "gb18030 gbk gb2312 gb_2312 gb_2312-80 chinese csgb2312 iso-ir-58 x-gbk csiso58gb231280",
        "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
        "euc_jp": "euc-jp x-euc-jp cseucpkdfmtjapanese",
        "iso2022_jp": "iso-2022-jp csiso2022jp",
        "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji ms932 windows-31j csshiftjis",
        "cp949": "euc-kr korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949 cseuckr csksc56011987 iso-ir-149",
    }.items()
    for label in labels.split()
}  # fmt: skip


_YEAR = re.compile(r":\d{4}\Z")  # as in iso_8859-1:1987
# Labels outside the standard, as in cp-1251 and win1251. Source: bug reports of SimplePie (354) and Liferea.
_CODE_PAGE = re.compile(r"(?:x-)?(?:cp|win|windows)[-_]?(125\d|866|874)")
_CHARSET = re.compile(r"""charset\s{0,20}=\s{0,20}["']?([^"';,\s]{0,100})""", re.IGNORECASE)
_WIDE_BOMS = ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), *_BOMS)
# The first four bytes of a document without a byte order mark: X is a byte, 0 is NUL. Its first two characters are
# ASCII. Source: XML 1.0 appendix F.1, RFC 4627 §3.
_WIDE_STARTS = {"000X": "utf-32-be", "X000": "utf-32-le", "0X0X": "utf-16-be", "X0X0": "utf-16-le"}
_EBCDIC_START = b"\x4c\x6f\xa7\x94"  # "<?xm", XML 1.0 appendix F.1
# Windows-1252 on the web maps all bytes. Source: WHATWG Encoding, index windows-1252.
_WINDOWS_1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))
_WINDOWS_1252_BYTES = {ord(character): byte for byte, character in enumerate(_WINDOWS_1252)}
# A lead byte of UTF-8 and a continuation byte, both decoded as windows-1252.
_LEAD_BYTE = re.compile(f"[\xc2-\xf4][{re.escape(_WINDOWS_1252[0x80:0xC0])}\x80-\x9f]")
MAX_STRAYS = 100_000  # bytes; a document with more is entirely windows-1252, which also bounds the time
# Source: WHATWG MIME Sniffing, §3 "binary data byte". Feeds and pages have few of them, a compressed file has 10 %.
_BINARY = tuple(map(chr, (*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20))))
_STRAY_BINARY, _BINARY_SHARE = 2, 0.01
_NON_ASCII = re.compile("[^\x00-\x7f]")
_CESU_8 = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")  # Unicode TR 26: a surrogate pair
_UTF_8_OR_WINDOWS_1252 = "copydesk-windows-1252"  # name of the error handler


def codec_for_label(label: str) -> str | None:
    """Return Python's codec for an encoding *label*; None for a label outside the standard."""
    label = _YEAR.sub("", label.strip().lower())
    code_page = _CODE_PAGE.fullmatch(label)
    return CODECS.get(f"cp{code_page[1]}" if code_page else label)


def decode(data: bytes, content_type: str = "") -> str:
    """Return a page as text: by its byte order mark, as UTF-8 if valid, by its label, or as windows-1252.

    The charset of *content_type* precedes the label in the page (WHATWG HTML §13.2.3.2).
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    charset = _CHARSET.search(content_type)
    label = _META.search(data[:_SNIFF_BYTES]) or _XML.search(data[:_SNIFF_BYTES])
    labels = [*([charset[1]] if charset else []), *([label[1].decode("ascii")] if label else [])]
    # The bytes are not valid UTF-8, so another label precedes. A page with a label in ASCII is not UTF-16:
    # WHATWG HTML §13.2.3.2.
    named = [codec for codec in map(codec_for_label, labels) if codec]
    default = "utf-8" if labels else "cp1252"
    return data.decode(next((codec for codec in named if not codec.startswith("utf-")), default), "replace")


def decode_document(data: bytes, content_type: str = "") -> str:
    """Return a feed document, in XML or JSON, as text without its byte order mark.

    The first of these decides: byte order mark, NUL pattern, valid UTF-8, the charset of *content_type* (RFC 7303 §3),
    the XML declaration. A label of UTF-8 or UTF-16 means UTF-8. Its invalid bytes are windows-1252. Without a label,
    the more frequent one of UTF-8 and windows-1252 decides.
    """
    for bom, name in _WIDE_BOMS:
        if data.startswith(bom):
            text = (
                _decode_utf_8(data, is_labelled=True) if name == "utf-8" else data[len(bom) :].decode(name, "replace")
            )
            return text.lstrip("\ufeff")
    pattern = "".join("X" if byte else "0" for byte in data[:4])
    if pattern in _WIDE_STARTS:
        return data.decode(_WIDE_STARTS[pattern], "replace")
    if data.startswith(_EBCDIC_START):
        return data.decode("cp037")
    codecs_named = _labelled_codecs(data[:_SNIFF_BYTES], content_type)
    # A label in ASCII can't announce UTF-16 (WHATWG HTML §13.2.3.2).
    codec = next((name for name in codecs_named if not name.startswith("utf-")), "")
    if codec == "iso2022_jp" and b"\x1b" in data:  # its bytes are ASCII, so they are valid UTF-8
        return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if codec in ("", "iso2022_jp"):
        return _decode_utf_8(data, is_labelled=bool(codecs_named))
    return _decode_windows_1252(data) if codec == "cp1252" else data.decode(codec, "replace")


def is_binary(text: str) -> bool:
    """Return whether a decoded document is no text: it has more than a few control characters that no text has.

    >>> is_binary("boat\\x08house"), is_binary("\\x89PNG\\r\\n\\x1a\\n\\x00\\x00\\x00\\rIHDR")
    (False, True)
    """
    return sum(map(text.count, _BINARY)) > _STRAY_BINARY + _BINARY_SHARE * len(text)


def without_double_encoding(text: str) -> str:
    """Return a text that was decoded as windows-1252 instead of UTF-8, as UTF-8; any other text unchanged.

    >>> without_double_encoding("Caf\u00c3\u00a9"), without_double_encoding("\u00c2mes \u00c3 vendre")
    ('Café', 'Âmes Ã vendre')
    """
    if text.isascii() or _LEAD_BYTE.search(text) is None:
        return text
    try:
        return codecs.charmap_encode(text, "strict", _WINDOWS_1252_BYTES)[0].decode("utf-8")
    except UnicodeError:
        return text


def _labelled_codecs(head: bytes, content_type: str) -> list[str]:
    """Return the codecs of the charset of *content_type* and of the XML declaration in *head*."""
    charset, declared = _CHARSET.search(content_type), _XML.search(head)
    labels = (charset[1] if charset else "", declared[1].decode("ascii") if declared else "")
    return [name for label in labels if (name := codec_for_label(label))]


def _decode_utf_8(data: bytes, *, is_labelled: bool) -> str:
    """Return *data* as UTF-8; bytes that aren't UTF-8 are decoded one by one as windows-1252."""
    data = _CESU_8.sub(_join_surrogates, data)
    valid = data.decode("utf-8", "ignore")
    strays = len(data) - len(valid.encode("utf-8"))
    limit = MAX_STRAYS if is_labelled else min(MAX_STRAYS, len(_NON_ASCII.findall(valid)))
    return _decode_windows_1252(data) if strays > limit else data.decode("utf-8", _UTF_8_OR_WINDOWS_1252)


def _decode_windows_1252(data: bytes) -> str:
    return codecs.charmap_decode(data, "strict", _WINDOWS_1252)[0]


def _join_surrogates(pair: re.Match[bytes]) -> bytes:
    return pair[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode("utf-8")


def _stray_bytes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _decode_windows_1252(error.object[error.start : error.end]), error.end


codecs.register_error(_UTF_8_OR_WINDOWS_1252, _stray_bytes)
