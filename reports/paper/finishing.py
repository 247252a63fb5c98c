"""What is put right in a document after it was laid out, so that it is PDF/UA in full.

The library tags what it draws, and leaves a few things open: which way a table's heads
look, that links are printed, that page numbers and running heads are no content.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO

import pikepdf
from pikepdf import Array, AttachedFileSpec, Dictionary, Name, Object, Pdf, String

from reports.paper.sheets import Heading, Sheet

_PRINT = 4  # the bit that has an annotation printed
_MARKED = re.compile(rb"/\w+\s*<</MCID (\d+)>>\s*BDC")
_PAGINATION = b"/Artifact <</Type /Pagination>> BDC"
_Drawn = dict[int, set[int]]  # numbers of marked content by page


def finish(document: bytes, sheet: Sheet) -> bytes:
    """Return *document*, with the files of *sheet* in it; the same for the same."""
    with Pdf.open(BytesIO(document)) as pdf:
        _join_tables(pdf)
        content = _content_of(pdf)
        for page in pdf.pages:
            _have_links_printed(page, sheet)
            _take_out_pagination(page, content[page.index])
        _forget_pagination(pdf, content)
        _number_pages(pdf)
        _attach_files(pdf, sheet)
        finished = BytesIO()
        pdf.save(
            finished,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )
    return finished.getvalue()


def _join_tables(pdf: Pdf) -> None:
    """Have one table where it was laid out in parts, one for each page.

    Only the first part has a caption. Heads that the others repeat are left out of the
    tree, as the numbers of pages are: who has it read out hears them once.
    """
    elements = [element for element, _ in _elements(pdf.Root.StructTreeRoot)]
    whole: Object | None = None
    for table in (one for one in elements if _is(one, Name.Table)):
        parts = _kids(table)
        if whole is None or any(_is(part, Name.Caption) for part in parts):
            whole = table
            continue
        for part in parts:
            if _is(part, Name.TBody):
                part.P = whole
                whole.K.append(part)
        _remove(table)


def _remove(element: Object) -> None:
    """Take *element* out of the tree, and whatever is empty without it."""
    above = element.P
    kids = [kid for kid in _kids(above) if kid.objgen != element.objgen]
    above.K = Array(kids)
    if not kids and Name.P in above:
        _remove(above)


def _content_of(pdf: Pdf) -> _Drawn:
    """Return what of each page is in the tree of content; gives heads their scope."""
    places = {page.obj.objgen: page.index for page in pdf.pages}
    found: _Drawn = defaultdict(set)
    for element, is_in_head in _elements(pdf.Root.StructTreeRoot):
        if _is(element, Name.TH):
            _have_scope(element, is_in_head=is_in_head)
        elif _is(element, Name.TD) and Name.Headers in element.get(Name.A, {}):
            del element.A.Headers  # of one page; the scopes say it all
        for kid in _kids(element):
            if isinstance(kid, int):
                found[places[element.Pg.objgen]].add(int(kid))
    return found


def _elements(root: Object) -> Iterator[tuple[Object, bool]]:
    """Yield all below *root* as it is read, and whether it is in a table's head."""
    left = [(kid, False) for kid in reversed(_kids(root))]
    while left:
        element, is_in_head = left.pop()
        if isinstance(element, Dictionary) and Name.S in element:
            is_in_head = is_in_head or _is(element, Name.THead)
            yield element, is_in_head
            left += [(kid, is_in_head) for kid in reversed(_kids(element))]


def _is(element: Object, kind: Name) -> bool:
    return bool(element.get(Name.S) == kind)


def _kids(element: Object) -> list[Object]:
    kids = element.get(Name.K)
    if kids is None:
        return []
    return list(kids) if isinstance(kids, Array) else [kids]


def _have_scope(head: Object, *, is_in_head: bool) -> None:
    if Name.A not in head:
        head.A = Dictionary(O=Name.Table)
    head.A.Scope = Name.Column if is_in_head else Name.Row


def _have_links_printed(page: pikepdf.Page, sheet: Sheet) -> None:
    names = {
        block.anchor: block.text for block in sheet.walk() if isinstance(block, Heading)
    }
    for annotation in page.obj.get(Name.Annots, Array()):
        annotation.F = _PRINT
        if name := names.get(str(annotation.get(Name.Dest, ""))):
            annotation.Contents = String(name)


def _take_out_pagination(page: pikepdf.Page, content: set[int]) -> None:
    """Say of what is marked as content, and is not in the tree, that it is none."""

    def said(found: re.Match[bytes]) -> bytes:
        return found[0] if int(found[1]) in content else _PAGINATION

    page.contents_coalesce()
    stream = page.obj.Contents
    stream.write(_MARKED.sub(said, stream.read_bytes()))


def _forget_pagination(pdf: Pdf, content: _Drawn) -> None:
    """Have no element for it either: it would belong to no other."""
    numbers = pdf.Root.StructTreeRoot.ParentTree.Nums
    for place in range(len(pdf.pages)):
        elements = numbers[2 * place + 1]
        for number in range(len(elements)):
            if number not in content[place]:
                elements[number] = None


def _number_pages(pdf: Pdf) -> None:
    pdf.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.D)]))
    pdf.Root.PageMode = Name.UseOutlines  # a reader shows the bookmarks


def _attach_files(pdf: Pdf, sheet: Sheet) -> None:
    files = Array()
    for one in sheet.attachments:
        stamp = f"D:{sheet.made_at:%Y%m%d%H%M%S}Z"
        specification = AttachedFileSpec(
            pdf,
            one.content.encode(),
            filename=one.name,
            description=one.description,
            mime_type=one.mime_type,
            creation_date=stamp,
            mod_date=stamp,
            relationship=Name.Data,
        )
        pdf.attachments[one.name] = specification
        files.append(specification.obj)
    if files:
        pdf.Root.AF = files
