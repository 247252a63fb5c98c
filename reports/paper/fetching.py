"""What a document may load: what stands within it, and our fonts. Nothing else."""

from pathlib import Path

from weasyprint.urls import URLFetcher, URLFetcherResponse

from reports.paper.fonts import FACES, unpacked

FONT = "font:"  # before the name of a face
_WITHIN = "data:image/svg+xml;base64,"


class NotOurs(ValueError):
    """An address that no document of ours has."""


class OwnFetcher(URLFetcher):
    """Loads pictures that stand within the document and fonts by their names.

    *fonts*: the folder where those are kept.
    """

    def __init__(self, fonts: Path) -> None:
        super().__init__()
        self._fonts = fonts

    def fetch(
        self, url: str, headers: dict[str, str] | None = None
    ) -> URLFetcherResponse:
        """Return what *url* names.

        Raises:
            NotOurs: it leads anywhere else.
        """
        face = url.removeprefix(FONT)
        if url.startswith(FONT) and face in FACES.values():
            font = unpacked(face, self._fonts)
            return URLFetcherResponse(url, font, {"Content-Type": "font/ttf"})
        if url.startswith(_WITHIN):
            return super().fetch(url, headers)
        raise NotOurs(f"A document of ours loads nothing from {url[:80]!r}.")
