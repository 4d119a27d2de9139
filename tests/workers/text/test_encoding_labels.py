"""Labels of encodings, compared with webencodings, which generates its table from the WHATWG Encoding Standard."""

import codecs

import webencodings
from webencodings.labels import LABELS

from workers.text.encoding import codec_for_label

WITHOUT_TEXT = {"replacement", "x-user-defined"}  # encodings of the standard that no document means
DECODERS = {"gbk": "gb18030"}  # the standard decodes gbk with gb18030's decoder, §10.1.1


def test_labels_have_codecs_of_standard() -> None:
    codecs_by_label = {label: _name(codec_for_label(label.upper())) for label in LABELS}
    assert codecs_by_label == {label: _name(_expected(label)) for label in LABELS}


def _expected(label: str) -> str | None:
    encoding = webencodings.lookup(label)
    assert encoding is not None
    return None if encoding.name in WITHOUT_TEXT else DECODERS.get(encoding.name, encoding.codec_info.name)


def _name(codec: str | None) -> str | None:
    return codecs.lookup(codec).name if codec else None
