from collections.abc import Mapping

class URLFetcherResponse:
    def __init__(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None: ...
    def read(self) -> bytes: ...

class URLFetcher:
    def fetch(
        self, url: str, headers: dict[str, str] | None = None
    ) -> URLFetcherResponse: ...
