"""The file of a run, as an answer."""

from itertools import chain

from django.http import StreamingHttpResponse

from reports.feeds.files import pieces_of
from reports.models.feeds import FeedRun


def downloaded(run: FeedRun) -> StreamingHttpResponse:
    """Return the file of *run*, to be kept by its reader.

    Raises:
        NotFound: it is not kept any longer.
    """
    pieces = pieces_of(run)
    begun = chain([next(pieces, b"")], pieces)  # what is refused is refused now
    answer = StreamingHttpResponse(begun, content_type=run.content_type)
    answer["Content-Length"] = str(run.size or 0)
    answer["Content-Disposition"] = f'attachment; filename="{run.file_name}"'
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["ETag"] = f'"{run.sha256}"'
    return answer
