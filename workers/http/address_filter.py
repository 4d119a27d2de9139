"""The dial guard: copydesk connects to public addresses, and to those that its owner listed.

Anybody who can have a feed polled, or redirect one, would otherwise make copydesk ask what only its own network may
(server-side request forgery, CWE-918). The address that is really dialled is looked at, just before it is: a name
that resolves to another one the second time, a redirect and an odd spelling of 127.0.0.1 all come to that point.
"""

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
        "169.254.0.0/16",  # link-local and the clouds' metadata, RFC 3927
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
PUBLIC_V6 = ip_network("2000::/3")  # all global unicast that is handed out, RFC 4291
NON_PUBLIC_V6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them, RFC 2928 and 4380
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4: leads to any IPv4 address, RFC 3056
        "3fff::/20",  # documentation, RFC 9637
    )
)
NAT64 = ip_network("64:ff9b::/96")  # the IPv4 address in its last 32 bits is meant, RFC 6052


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
    """An address that copydesk doesn't connect to."""

    MESSAGE = "is not a public address"  # by which it is known in what aiohttp makes of several


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return the socket for an address as `getaddrinfo` gives it, if it is public: aiohttp's `socket_factory`.

    Raises BlockedAddressError, an OSError, so that the next address of the same host is tried.
    """
    family, kind, protocol, _, sockaddr = address
    host = str(sockaddr[0])
    if not is_public(host):
        raise BlockedAddressError(
            errno.EACCES, f"{host} {BlockedAddressError.MESSAGE}; allowed_private_hosts lists what else may be reached"
        )
    return socket.socket(family=family, type=kind, proto=protocol)


def is_allowed(host: str, port: int, listed: Collection[str]) -> bool:
    """Return whether the owner listed *host* and *port*, as `host:port`, or `host:*` for all its ports."""
    host = host.strip("[]").lower()
    spelled = f"[{host}]" if ":" in host else host
    return f"{spelled}:{port}" in listed or f"{spelled}:*" in listed


def check_scheme(url: str) -> None:
    """Raise UnavailableError for what is neither http nor https: copydesk speaks nothing else."""
    scheme = url.partition(":")[0].lower()
    if scheme not in ("http", "https"):
        raise UnavailableError(f"{scheme[:20]}: is no scheme that copydesk follows", code="blocked_scheme")
