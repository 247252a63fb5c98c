"""What a document may load: what stands within it, and our fonts. Nothing else."""

from importlib.resources import files

from weasyprint.urls import URLFetcher, URLFetcherResponse

FONTS = {
    f"font:{weight}": f"Inter-{weight}.woff2"
    for weight in ("Regular", "Medium", "SemiBold", "Bold")
}
_WITHIN = "data:image/svg+xml;base64,"


class NotOurs(ValueError):
    """An address that no document of ours has."""


class OwnFetcher(URLFetcher):
    """Loads pictures that stand within the document and fonts by their names."""

    def fetch(
        self, url: str, headers: dict[str, str] | None = None
    ) -> URLFetcherResponse:
        """Return what *url* names.

        Raises:
            NotOurs: it leads anywhere else.
        """
        if url in FONTS:
            place = files("unfold") / "static/unfold/fonts/inter" / FONTS[url]
            return URLFetcherResponse(
                url, place.read_bytes(), {"Content-Type": "font/woff2"}
            )
        if url.startswith(_WITHIN):
            return super().fetch(url, headers)
        raise NotOurs(f"A document of ours loads nothing from {url[:80]!r}.")
