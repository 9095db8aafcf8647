"""Where a request comes from, as far as it slows down guessing."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

NETWORK_BITS = 64
"""One customer of a provider has a whole such network of IPv6."""


def source_of(request: HTTPConnection, n_proxies: int) -> str:
    """The address of the client: the peer, or what the outermost of `n_proxies` proxies of ours saw.

    Each proxy adds its peer at the right end of X-Forwarded-For; what stands further left anybody can write.
    """
    peer = request.client.host if request.client else ""
    if n_proxies:
        told = [
            part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")
        ]
        if len(told) >= n_proxies:
            return network_of(told[-n_proxies]) or network_of(peer) or peer
    return network_of(peer) or peer


def network_of(address: str) -> str | None:
    """An address as it is counted: itself, or its network of IPv6; None if it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network(f"{known.packed.hex(':', 2)}/{NETWORK_BITS}", strict=False))
    return str(known)
