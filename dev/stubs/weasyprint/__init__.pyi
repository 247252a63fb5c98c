from collections.abc import Sequence

from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

class CSS:
    def __init__(
        self,
        *,
        string: str,
        font_config: FontConfiguration,
        url_fetcher: URLFetcher,
        base_url: str,
    ) -> None: ...

class Document:
    def write_pdf(
        self, *, pdf_variant: str, pdf_identifier: bytes, uncompressed_pdf: bool
    ) -> bytes: ...

class HTML:
    def __init__(
        self, *, string: str, url_fetcher: URLFetcher, base_url: str
    ) -> None: ...
    def render(
        self, *, stylesheets: Sequence[CSS], font_config: FontConfiguration
    ) -> Document: ...
