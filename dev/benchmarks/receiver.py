"""A receiver that costs next to nothing; its process knows nothing of Django."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection


@contextmanager
def receiver(*, hangs: bool) -> Iterator[int]:
    """Run one in a process of its own; yield its port. It answers 200, or nothing."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs,), kwargs={"hangs": hangs}, daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(told: Connection, *, hangs: bool) -> None:
    asyncio.run(_served(told, hangs=hangs))


async def _served(told: Connection, *, hangs: bool) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(size)
        if hangs:
            await reader.read()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=256)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
