"""The encoding of a text file."""

import re

from charset_normalizer import from_bytes

# Code pages of the tables that people exchange; the full list has many that look alike.
ENCODINGS = ["cp949", "cp932", "gb18030", "big5", "cp1251", "cp1250", "cp1253", "cp1252"]
SCRIPTS = {
    "cp949": "가-힣",
    "cp932": "ぁ-ヿ一-龥々",
    "gb18030": "一-龥",
    "big5": "一-龥",
    "cp1251": "а-яА-ЯёЁ",  # noqa: RUF001 - Cyrillic is meant
    "cp1253": "Ά-Ώα-ωά-ώΑ-Ω",
}
CERTAIN = 0.2  # charset-normalizer's coherence of a language that it recognises
SAMPLE = 1 << 18  # bytes that are looked at
MOSTLY = 0.9  # share of words in one script


def guess_encoding(content: bytes) -> str:
    """The encoding of a text: by its mark, UTF-8 if it can be, or the most plausible code page.

    >>> guess_encoding("größe,alter".encode("cp1252")), guess_encoding("größe".encode())
    ('cp1252', 'utf-8')
    """
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    for mark, encoding in marks.items():
        if content.startswith(mark):
            return encoding
    nulls = [content[start:2000:2].count(0) for start in (0, 1)]
    if max(nulls) > len(content[:2000]) / 8:
        return "utf-16-be" if nulls[0] > nulls[1] else "utf-16-le"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        start = max(error.start - SAMPLE // 2, 0)
        sample = content[content.rfind(b"\n", 0, start) + 1 :][:SAMPLE]
        return _guess_code_page(sample)
    return "utf-8"


def _guess_code_page(sample: bytes) -> str:
    """The code page in which words are of one script, or else that of Western Europe."""
    matches = from_bytes(sample, cp_isolation=ENCODINGS)
    for encoding in (*(each.encoding for each in matches), "cp949", "cp1251"):
        if encoding in SCRIPTS and _is_in_script(sample.decode(encoding, "replace"), encoding):
            return encoding
    best = matches.best()
    # Western text is also plausible as Central European, which is rarer.
    if best is None or best.encoding != "cp1250" or best.coherence <= CERTAIN:
        return "cp1252"
    return "cp1252" if "cp1252" in best.could_be_from_charset else "cp1250"


def _is_in_script(text: str, encoding: str) -> bool:
    """Whether nearly all words beside plain Latin ones are written in a code page's script."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    within = re.compile(f"[{SCRIPTS[encoding]}]+")
    return sum(bool(within.fullmatch(word)) for word in words) > len(words) * MOSTLY
