"""Bytes of a page to text, by the labels of the WHATWG Encoding Standard."""

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w:.-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w:.-]{2,40})""", re.IGNORECASE)
_SNIFF_BYTES = 4096
# Labels that mean another encoding on the web than their name says. Source: WHATWG Encoding §4.2.
_MEANT = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252", "gb2312": "gb18030",
          "gbk": "gb18030", "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874", "ks_c_5601-1987": "cp949",
          "euc-kr": "cp949", "shift_jis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932", "utf-16": "utf-8"}  # fmt: skip


def decoded(data: bytes) -> str:
    """Return *data* as text: by byte order mark, UTF-8 where it is that, else by its label, else as windows-1252."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    label = _META.search(data[:_SNIFF_BYTES]) or _XML.search(data[:_SNIFF_BYTES])
    name = label.group(1).decode("ascii").lower() if label else "cp1252"
    name = _MEANT.get(name, name)
    try:
        return data.decode(name, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
