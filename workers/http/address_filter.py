"""The address filter: copydesk connects to public addresses and to explicitly allowed hosts only.

Without it, a feed or a redirect could make copydesk send requests into its own network (server-side request forgery,
CWE-918). The filter checks the address of each socket just before it connects. DNS rebinding, redirects and unusual
spellings of 127.0.0.1 therefore can't bypass it.
"""

import asyncio
import errno
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from streams.errors import UnavailableError

# Not the public internet, by the IANA special-purpose address registries (RFC 6890 and its successors).
NON_PUBLIC_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # carrier NAT, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "168.63.129.16/32",  # platform address of Azure, learn.microsoft.com/azure/virtual-network
        "169.254.0.0/16",  # link-local and cloud metadata, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved, and broadcast, RFC 1112 and 919
    )
)
PUBLIC_V6 = ip_network("2000::/3")  # all allocated global unicast, RFC 4291
NON_PUBLIC_V6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them, RFC 2928 and 4380
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4: can reach any IPv4 address, RFC 3056
        "3fff::/20",  # documentation, RFC 9637
    )
)
NAT64 = ip_network("64:ff9b::/96")  # the last 32 bits are the IPv4 address, RFC 6052


def is_public(address: str) -> bool:
    """Return whether *address* is on the public internet. Pure."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in NON_PUBLIC_V4)
    if ip in NAT64 or ip.ipv4_mapped:
        return is_public(str(IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip in PUBLIC_V6 and not any(ip in network for network in NON_PUBLIC_V6)


class BlockedAddressError(OSError):
    """The address isn't public."""

    MESSAGE = "is not a public address"  # identifies this error in the combined message of aiohttp

    @classmethod
    def text(cls, address: str) -> str:
        """Return the message for *address*."""
        return f"{address} {cls.MESSAGE}; add the host to allowed_private_hosts to allow it"


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for a result of `getaddrinfo`; aiohttp's `socket_factory`.

    Raises:
        BlockedAddressError: the address isn't public. It is an OSError, so aiohttp tries the host's next address.
    """
    family, kind, protocol, _, sockaddr = address
    host = str(sockaddr[0])
    if not is_public(host):
        raise BlockedAddressError(errno.EACCES, BlockedAddressError.text(host))
    return socket.socket(family=family, type=kind, proto=protocol)


async def check_public_target(host: str, port: int) -> None:
    """Check the target of a request through a proxy, which connects in our place.

    A name that resolves only at the proxy is accepted.

    Raises:
        UnavailableError: *host* has an address that isn't public.
    """
    try:
        resolved = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return
    for _, _, _, _, sockaddr in resolved:
        if not is_public(str(sockaddr[0])):
            raise UnavailableError(BlockedAddressError.text(str(sockaddr[0])), code="blocked_address")


def is_allowed(host: str, port: int, patterns: Collection[str]) -> bool:
    """Return whether *patterns* contains *host* and *port*, as `host:port` or `host:*`."""
    if not patterns:
        return False
    host = host.strip("[]").lower()
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" in patterns or f"{name}:*" in patterns


def check_scheme(url: str) -> None:
    """Raise UnavailableError unless *url* is http or https."""
    scheme = url.partition(":")[0].lower()
    if scheme not in ("http", "https"):
        raise UnavailableError(f"unsupported URL scheme: {scheme[:20]!r}", code="blocked_scheme")
