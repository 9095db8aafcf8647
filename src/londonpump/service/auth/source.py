"""Where a request comes from, as far as it slows down guessing."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

NETWORK_BITS = 64
"""One customer of a provider has a whole such network of IPv6."""
SITE_BITS = 56
"""Many providers give one customer 256 of them: connections and turns are counted by site."""


def source_of(request: HTTPConnection, n_proxies: int, ipv6_bits: int = NETWORK_BITS) -> str:
    """The address of the client: the peer, or what the outermost of `n_proxies` proxies of ours saw.

    Each proxy adds its peer at the right end of X-Forwarded-For; what stands further left anybody can write.
    """
    peer = request.client.host if request.client else ""
    if n_proxies:
        forwarded = [
            part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")
        ]
        if len(forwarded) >= n_proxies:
            return network_of(forwarded[-n_proxies], ipv6_bits) or network_of(peer, ipv6_bits) or peer
    return network_of(peer, ipv6_bits) or peer


def network_of(address: str, ipv6_bits: int = NETWORK_BITS) -> str | None:
    """An address as it is counted: itself, or its network of IPv6; None if it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network(f"{known.packed.hex(':', 2)}/{ipv6_bits}", strict=False))
    return str(known)
