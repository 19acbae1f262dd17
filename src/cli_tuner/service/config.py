"""What a service is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cli_tuner.errors import UsageError


@dataclass(frozen=True)
class ServiceConfig:
    """Where it listens and what it bears. Limits hold for one process.

    `workers` requests are worked on at a time and `queue` wait; more get 429. `request_timeout_s`
    bounds one answer, waiting included; `body_timeout_s` and `header_timeout_s` bound how long a
    caller may take to say what it wants; `connections` is how many may be open.
    `grace_s` is how long a shutdown waits for what is in flight. `traces` sends OpenTelemetry spans
    to where the OTEL_* environment variables say.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    backends: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    workers: int = 4
    queue: int = 32
    request_timeout_s: float = 60.0
    header_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    idle_timeout_s: int = 30
    connections: int = 512
    header_bytes: int = 32 * 1024
    body_bytes: int = 512 * 1024
    probe_s: float = 5.0
    grace_s: int = 30
    traces: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be: half a TLS pair, a port out of range."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("--tls-cert and --tls-key belong together", hint="give both")
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port is 0 to 65535, not {self.port}")
        if not 1 <= self.workers <= 256 or not 0 <= self.queue <= 100_000:
            raise UsageError("--workers is 1 to 256, --queue 0 to 100000")

    @property
    def has_tls(self) -> bool:
        """Whether callers speak TLS to this process itself."""
        return self.tls_cert is not None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback, without asking a resolver."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
