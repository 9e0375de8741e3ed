"""A PDF written as it grows: objects go out one after the other, only their offsets are kept.

Just what label sheets need. No dates and no random identifiers: the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labels.fonts import Subset

# A tree of two levels: 50 pages a node keeps the root short even at 20 000 pages.
_PAGES_PER_NODE = 50
# For the few pages that `labels.deflate` cannot take. Level 1 is within a tenth of level 6 on them and four times as fast.
# Not isal, which is faster still: its output depends on the processor, and a reprint should be byte for byte the first print.
_LEVEL = 1


# What is written once, not once a page.
_LEVEL_ONCE = 9


def packed(data: bytes) -> bytes:
    """A page's content as `Writer.add_page` takes it. Other threads run while it is packed."""
    return zlib.compress(data, _LEVEL)


def number(value: float) -> bytes:
    """A coordinate with at most three decimals and no exponent."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return b"0" if text in {"", "-0"} else text.encode()


def text_string(text: str) -> bytes:
    """A text string for a dictionary, UTF-16 with byte order mark, as hex."""
    return b"<feff" + text.encode("utf-16-be").hex().encode() + b">"


class Writer:
    """Collects bytes until `take`. Objects may be reserved first and written later."""

    def __init__(self) -> None:
        self._buffer: list[bytes] = []
        self._position = 0
        self._offsets: list[int] = [0]
        self._digest = hashlib.sha256()
        self._nodes: list[tuple[int, list[int]]] = []
        self._put(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")
        self._root = self.reserve()
        self.pages = 0

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = b"".join(self._buffer)
        self._buffer.clear()
        return taken

    def reserve(self) -> int:
        """A number for an object to be written later."""
        self._offsets.append(0)
        return len(self._offsets) - 1

    def add(self, body: bytes, at: int | None = None) -> int:
        """Write an object; its number."""
        this = self.reserve() if at is None else at
        self._offsets[this] = self._position
        self._put(b"%d 0 obj\n%b\nendobj\n" % (this, body))
        return this

    def add_stream(self, data: bytes, entries: bytes = b"") -> int:
        """Write a compressed stream with these further dictionary entries; its number."""
        return self._add_packed(zlib.compress(data, _LEVEL_ONCE), entries)

    def _add_packed(self, data: bytes, entries: bytes = b"") -> int:
        head = b"<</Length %d/Filter/FlateDecode%b>>stream\n" % (len(data), entries)
        return self.add(head + data + b"\nendstream")

    def add_image(self, data: bytes, *, width: int, height: int, colour: bool) -> int:
        """8-bit RGB or grey pixels; its number."""
        space = b"/DeviceRGB" if colour else b"/DeviceGray"
        head = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace%b"
        return self.add_stream(data, head % (width, height, space))

    def add_font(self, font: Subset) -> int:
        """Embed a subset as a Type 0 font with ToUnicode, two bytes a sign; its number."""
        name, descriptor = self._descriptor(font, symbolic=True)
        widths = b"".join(b"%d[%d]" % pair for pair in sorted(font.widths.items()))
        descendant = self.add(
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            b"/Supplement 0>>/FontDescriptor %d 0 R/CIDToGIDMap/Identity/W[%b]>>" % (name, descriptor, widths)
        )
        return self.add(
            b"<</Type/Font/Subtype/Type0/BaseFont%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
            % (name, descendant, self.add_stream(_to_unicode(font)))
        )

    def add_ascii_font(self, font: Subset) -> int:
        """Embed a subset of ASCII signs as a simple font: a byte a sign, where a page holds thousands; its number."""
        name, descriptor = self._descriptor(font, symbolic=False)
        codes = sorted(map(ord, font.glyphs))
        widths = [font.widths[font.glyphs[chr(at)]] if at in codes else 0 for at in range(codes[0], codes[-1] + 1)]
        return self.add(
            b"<</Type/Font/Subtype/TrueType/BaseFont%b/Encoding/WinAnsiEncoding/FirstChar %d/LastChar %d/Widths[%b]"
            b"/FontDescriptor %d 0 R>>"
            % (name, codes[0], codes[-1], b" ".join(b"%d" % width for width in widths), descriptor)
        )

    def _descriptor(self, font: Subset, *, symbolic: bool) -> tuple[bytes, int]:
        tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(font.data).digest()[:6]).encode()
        name = b"/" + tag + b"+Label"
        file = self.add_stream(font.data, b"/Length1 %d" % len(font.data))
        return name, self.add(
            b"<</Type/FontDescriptor/FontName%b/Flags %d/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d"
            b"/CapHeight 700/StemV 80/FontFile2 %d 0 R>>"
            % (name, 4 if symbolic else 32, *font.box, font.ascent, font.descent, file)
        )

    def add_page(self, content: bytes, entries: bytes = b"") -> None:
        """Write one page of `packed` content. Size and resources are inherited from the root."""
        if not self._nodes or len(self._nodes[-1][1]) == _PAGES_PER_NODE:
            self._nodes.append((self.reserve(), []))
        node, kids = self._nodes[-1]
        stream = self._add_packed(content)
        kids.append(self.add(b"<</Type/Page/Parent %d 0 R/Contents %d 0 R%b>>" % (node, stream, entries)))
        self.pages += 1

    def finish(self, *, facts: Mapping[str, str], size_pt: tuple[float, float], resources: bytes) -> None:
        """Write the page tree, catalogue, information and cross-reference table.

        `facts`: Title, Subject, Keywords, Creator of the document, as people and as programs (XMP) read them.
        """
        for node, kids in self._nodes:
            self.add(
                b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%b]>>" % (self._root, len(kids), _references(kids)), node
            )
        self.add(
            b"<</Type/Pages/Count %d/MediaBox[0 0 %b %b]/Resources%b/Kids[%b]>>"
            % (
                self.pages,
                number(size_pt[0]),
                number(size_pt[1]),
                resources,
                _references([node for node, _ in self._nodes]),
            ),
            self._root,
        )
        xmp = _xmp(facts)
        metadata = self.add(b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%b\nendstream" % (len(xmp), xmp))
        # PrintScaling None: a print dialogue that "fits to page" would shrink the labels off their positions.
        catalogue = self.add(
            b"<</Type/Catalog/Pages %d 0 R/Metadata %d 0 R/Lang(vi-VN)"
            b"/ViewerPreferences<</DisplayDocTitle true/PrintScaling/None>>>>" % (self._root, metadata)
        )
        info = self.add(
            b"<<%b>>" % b"".join(b"/%b%b" % (name.encode(), text_string(text)) for name, text in facts.items())
        )
        start = self._position
        rows = [b"0000000000 65535 f \n", *(b"%010d 00000 n \n" % offset for offset in self._offsets[1:])]
        self._put(b"xref\n0 %d\n%b" % (len(rows), b"".join(rows)))
        identity = self._digest.hexdigest()[:32].encode()
        self._put(
            b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]>>\nstartxref\n%d\n%%%%EOF\n"
            % (len(rows), catalogue, info, identity, identity, start)
        )

    def _put(self, data: bytes) -> None:
        self._buffer.append(data)
        self._digest.update(data)
        self._position += len(data)


def _references(objects: list[int]) -> bytes:
    return b" ".join(b"%d 0 R" % this for this in objects)


def _xmp(facts: Mapping[str, str]) -> bytes:
    """The facts as an XMP packet. Without dates, as everything here."""
    language = '<rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'
    forms = {
        "Title": "<dc:title>" + language + "</dc:title>",
        "Subject": "<dc:description>" + language + "</dc:description>",
        "Keywords": "<pdf:Keywords>{}</pdf:Keywords>",
        "Creator": "<xmp:CreatorTool>{}</xmp:CreatorTool>",
    }
    body = "".join(forms[name].format(escape(text)) for name, text in facts.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"'
        f' xmlns:xmp="http://ns.adobe.com/xap/1.0/">{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _to_unicode(font: Subset) -> bytes:
    pairs = sorted((glyph, sign.encode("utf-16-be").hex().encode()) for sign, glyph in font.glyphs.items())
    parts = [
        b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/Label def/CMapType 2 def\n"
        b"1 begincodespacerange<0000><ffff>endcodespacerange\n"
    ]
    for at in range(0, len(pairs), 100):
        some = pairs[at : at + 100]
        rows = b"".join(b"<%04x><%b>\n" % pair for pair in some)
        parts.append(b"%d beginbfchar\n%bendbfchar\n" % (len(some), rows))
    return b"".join(parts) + b"endcmap end end"
