"""The addresses that requests may go to, and looking up what names stand for."""

import os
import socket
from concurrent.futures import Future
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv6Address,
    ip_address,
    ip_network,
)
from threading import Lock, Thread
from typing import Any

import urllib3
from django.conf import settings
from urllib3.util import Url, parse_url

from lib.errors import Invalid

MOST_LOOKED_UP = 128  # names at once: more than a worker sends to
_SCHEMES = ("http", "https")

_CLOSED_V4 = [ip_network("192.88.99.0/24")]  # the relay of 6to4
_OPEN_V6 = ip_network("2000::/3")  # global unicast: all else is local or special
_CLOSED_V6 = [
    ip_network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
_NAT64 = ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address


class NoAnswer(Exception):
    """The other side did not answer, or not properly. Another try may help."""


class AddressRefused(NoAnswer):
    """The address is not one that requests may go to, or is none at all."""


def check_address(url: str) -> None:
    """Refuse what can be seen to be no good without asking anyone.

    Names are looked up when something is sent, and refused then.

    Raises:
        Invalid: not an http or https address, or one of a network that is closed.
    """
    try:
        host = (read_address(url).host or "").strip("[]").rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            check("127.0.0.1")
        elif is_literal(host):
            check(host)
    except AddressRefused as error:
        raise Invalid(str(error)) from error


def is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def read_address(url: str) -> Url:
    try:
        parsed = parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise AddressRefused("This is not a web address.") from error
    if parsed.scheme not in _SCHEMES or not parsed.host:
        raise AddressRefused("A web address begins with https:// or http://.")
    return parsed


def is_open(address: str) -> bool:
    """Tell whether requests may go to the IP *address*."""
    ip = ip_address(address)
    if any(ip in network for network in _allowed(tuple(settings.OUTGOING_ALLOW))):
        return True
    if isinstance(ip, IPv4Address):
        return _is_public_v4(ip)
    # What is wrapped counts: these lead to an IPv4 address in the end.
    if ip.ipv4_mapped is not None:
        return is_open(str(ip.ipv4_mapped))
    if ip in _NAT64:
        return is_open(str(IPv4Address(int(ip) & 0xFFFFFFFF)))
    return _is_public_v6(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    special = ip.is_multicast or ip.is_reserved or not ip.is_global
    return not special and not any(ip in network for network in _CLOSED_V4)


def _is_public_v6(ip: IPv6Address) -> bool:
    return ip in _OPEN_V6 and not any(ip in network for network in _CLOSED_V6)


@lru_cache(maxsize=4)
def _allowed(networks: tuple[str, ...]) -> list[Any]:
    return [ip_network(network, strict=False) for network in networks]


def check(address: str) -> None:
    if not is_open(address):
        raise AddressRefused("The address is in a network that is closed to requests.")


# -- Names

_Found = list[Any]  # what `socket.getaddrinfo` returns


class _LookUps:
    """The names that are being looked up, each by a thread of its own.

    The system's resolver can't be interrupted. However many wait for a name, or gave
    up waiting, one thread is at it, and ends when the resolver does.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all: threads don't live on in a process that is forked off."""
        self._lock = Lock()
        self._going: dict[tuple[str, int], Future[_Found]] = {}

    def of(self, host: str, port: int) -> "Future[_Found]":
        name = host, port
        with self._lock:
            if (going := self._going.get(name)) is not None:
                return going
            if len(self._going) >= MOST_LOOKED_UP:
                raise NoAnswer("Too many names are waited for; none can be looked up.")
            future = self._going[name] = Future()
        Thread(target=self._ask, args=(*name, future), daemon=True).start()
        return future

    def _ask(self, host: str, port: int, future: "Future[_Found]") -> None:
        found: _Found = []
        failed: Exception | None = None
        try:
            found = _ask(host, port)
        except Exception as error:  # noqa: BLE001 - it is for those who wait
            failed = error
        with self._lock:
            del self._going[host, port]
        if failed is None:
            future.set_result(found)
        else:
            future.set_exception(failed)


_look_ups = _LookUps()
os.register_at_fork(after_in_child=_look_ups.begin_anew)


def looked_up(host: str, port: int, *, within_s: float) -> _Found:
    """Return what `socket.getaddrinfo` says of *host*.

    Raises:
        TimeoutError: it said nothing within *within_s* seconds.
        AddressRefused: that is no host's name.
        NoAnswer: too many other names are waited for.
        OSError: the name is not known.
    """
    try:
        if is_literal(host):
            return _ask(host, port)
        return _look_ups.of(host, port).result(max(within_s, 0))
    except UnicodeError as error:
        raise AddressRefused("This is not a host's name.") from error


def _ask(host: str, port: int) -> _Found:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
