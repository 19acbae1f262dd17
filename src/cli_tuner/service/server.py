"""Listening: the socket, TLS, and the end.

On SIGTERM or SIGINT nothing new is accepted, what is in flight is finished within `grace_s`, and
then the engine is let go of.
"""

from __future__ import annotations

import gc
import signal
import socket
import ssl
from collections.abc import Callable

import uvicorn

from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.service.app import application
from cli_tuner.service.config import ServiceConfig
from cli_tuner.service.connection import bounded
from cli_tuner.service.engine import probe_for
from cli_tuner.service.keys import KeyStore
from cli_tuner.service.service import Service
from cli_tuner.service.tracing import tracing_of
from cli_tuner.settings import Paths, Settings

_BACKLOG = 256


def serve(
    config: ServiceConfig,
    settings: Settings,
    paths: Paths,
    say: Callable[[str], None],
    *,
    log: bool = True,
) -> None:
    """Serve until told to stop.

    Raises UsageError if the address is not loopback and there is no key, ConfigError for a TLS
    pair or OTEL_* variables that cannot be used, also if the port is taken; PolicyError for a
    bad policy file, ExtraMissing for traces without their packages.
    """
    refuse_open_door(config, KeyStore(paths))
    _check_tls(config)
    tracing = tracing_of(config.traces)
    probe = probe_for(settings, paths, config.backends, tracing.on_request)
    listener = _bound(config)
    service = Service(config, settings, paths, probe, tracing)
    host, port = listener.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    say(f"listening at {'https' if config.has_tls else 'http'}://{place}:{port}")
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends on these, and afterwards raises them again for whoever handled them before.
        signal.signal(number, lambda _number, _frame: None)
    server = server_of(service, log=log)
    gc.collect()
    gc.freeze()  # rules and models stay: looking through them again would delay a request each time
    server.run(sockets=[listener])


def server_of(service: Service, *, log: bool = True) -> uvicorn.Server:
    """uvicorn around the service's application."""
    config = service.config
    return uvicorn.Server(
        uvicorn.Config(
            application(service, log=log),
            http=bounded(config),
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=config.idle_timeout_s,
            timeout_graceful_shutdown=config.grace_s,
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
        )
    )


def refuse_open_door(config: ServiceConfig, keys: KeyStore) -> None:
    """Raise UsageError if others could reach the address and nobody would need a key."""
    if config.is_loopback:
        return
    if not any(not key.is_revoked for key in keys.all()):
        raise UsageError(
            f"{config.host} can be reached by others, and there is no API key",
            hint="make one first: cli-tuner keys create NAME",
        )


def _check_tls(config: ServiceConfig) -> None:
    if config.tls_cert is None or config.tls_key is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the TLS certificate or key cannot be used: {error}") from error


def _bound(config: ServiceConfig) -> socket.socket:
    try:
        family = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(
            (config.host, config.port), family=family, backlog=_BACKLOG, reuse_port=False
        )
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {config.host} port {config.port}: {error.strerror or error}",
            hint="choose another with --port",
        ) from error
