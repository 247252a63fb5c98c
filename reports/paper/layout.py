"""Laying a document out: HTML and a style of its own become PDF.

Only the process of `reports.paper.process` comes here: it takes hundreds of megabytes,
and libraries of the system. Where those are missing, importing raises OSError.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import weasyprint
from django.template.loader import render_to_string
from django.utils.html import escape
from weasyprint.text.fonts import FontConfiguration

from reports.paper.fetching import FONT, OwnFetcher
from reports.paper.finishing import finish
from reports.paper.fonts import FACES
from reports.paper.sheets import Sheet
from reports.templatetags.paper import picture

Progress = Callable[[float], None]

_STYLE = Path(__file__).parent / "sheet.css"
_RIGHT_TO_LEFT = {"ar", "fa", "he", "ur", "yi"}
_PAGE = """
@page {{
  size: {page};
  margin: 24mm 18mm 22mm;
  {background}
  @top-left {{ content: {organization}; {small} {rule} }}
  @top-right {{ content: {running}; {small} {rule} }}
  @bottom-left {{ content: {foot}; {small} {low} width: 75%; }}
  @bottom-right {{ content: {pages}; {small} {low} width: 25%; }}
}}
@page :first {{
  margin-top: 18mm;
  @top-left {{ content: none; }}
  @top-right {{ content: none; }}
}}
@page wide {{ size: {page} landscape; }}
section.wide {{ page: wide; }}
"""
_SMALL = "font: 7pt Inter, 'DejaVu Sans', sans-serif; color: #4a5464;"
_RULE = (
    "vertical-align: bottom; width: 50%; padding-bottom: 1.5mm; margin-bottom: 4mm; "
    "border-bottom: 0.5pt solid #c3c9d2;"
)
_LOW = "vertical-align: top; padding-top: 3mm;"
_WATERMARK = """\
<svg xmlns="http://www.w3.org/2000/svg" width="210" height="297" viewBox="0 0 210 297">\
<text x="105" y="150" font-family="Inter, DejaVu Sans" font-size="{size}" \
font-weight="700" fill="#f1f2f5" text-anchor="middle" letter-spacing="2" \
transform="rotate(-52 105 150)">{word}</text></svg>"""


def laid_out(sheet: Sheet, fonts: Path, progress: Progress) -> bytes:
    """Return *sheet* as PDF/UA.

    *fonts*: the folder where they are kept. *progress* is told the share that is done.
    The same sheet gives the same bytes, with the same fonts on the machine.

    """
    html = _html_of(sheet)
    progress(0.1)
    config, fetcher = FontConfiguration(), OwnFetcher(fonts)
    style = weasyprint.CSS(
        string=_style_of(sheet),
        font_config=config,
        url_fetcher=fetcher,
        base_url="about:blank",
    )
    document = weasyprint.HTML(
        string=html, url_fetcher=fetcher, base_url="about:blank"
    ).render(stylesheets=[style], font_config=config)
    progress(0.8)
    identity = hashlib.sha256(html.encode()).digest()[:16]
    written = document.write_pdf(
        pdf_variant="pdf/ua-1",
        pdf_identifier=identity,
        uncompressed_pdf=True,  # it is compressed when it is finished
    )
    progress(0.95)
    return finish(written, sheet)


def _html_of(sheet: Sheet) -> str:
    is_right_to_left = sheet.language.partition("-")[0] in _RIGHT_TO_LEFT
    return render_to_string(
        "reports/paper/sheet.html",
        {"sheet": sheet, "is_right_to_left": is_right_to_left},
    )


def _style_of(sheet: Sheet) -> str:
    before, _, after = sheet.page_of.partition("{page}")
    between, _, end = after.partition("{pages}")
    pages = f"{_quoted(before)} counter(page) {_quoted(between)} counter(pages)"
    page = _PAGE.format(
        page=sheet.page,
        background=_background(sheet.watermark),
        organization=_quoted(sheet.organization),
        running=_quoted(sheet.running),
        foot=_quoted(sheet.foot),
        pages=f"{pages} {_quoted(end)}",
        small=_SMALL,
        rule=_RULE,
        low=_LOW,
    )
    faces = "".join(
        f"@font-face {{ font-family: Inter; font-weight: {weight}; "
        f"src: url('{FONT}{face}'); }}\n"
        for weight, face in FACES.items()
    )
    return f"{faces}{page}{_STYLE.read_text()}"


def _background(word: str) -> str:
    """Return how *word* stands across each page: in its background, so that nobody has
    it read out again and again."""
    if not word:
        return ""
    size = min(56, 300 / len(word))
    svg = _WATERMARK.format(size=f"{size:.0f}", word=escape(word))
    return f"background: url('{picture(svg)}') center / contain no-repeat;"


def _quoted(text: str) -> str:
    """Return *text* as a string of CSS, whatever stands in it."""
    return '"{}"'.format(
        "".join(one if one.isalnum() else f"\\{ord(one):x} " for one in text)
    )
