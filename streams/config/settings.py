"""The settings: one frozen object, from flags, `COPYDESK_*` variables, copydesk.toml and defaults, in that order.

It owns names, defaults and limits. It must not know the code that reads a setting.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from streams.config.sources import CONFIG_FILE, CONFIG_VARIABLE, ENV_PREFIX, TomlFile, convert, read_environ, redact_url
from streams.config.tables import TABLE_SETTINGS, FeedOptions, Route, SinkTable, SourceTable, parse_tables
from streams.errors import SettingsError
from streams.topics import resolve_topic, route_topic
from streams.version import version

MiB = 1024 * 1024
AUTO, MAX_AUTO_PROCESSES = "auto", 4
PARTITIONS = 8  # of a new topic, by default


def cpu_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def auto_workers() -> int:
    """Return the desks for all cores. More workers than partitions of a topic would have no work."""
    return min(PARTITIONS, cpu_cores())


def _setting(default: Any, help: str, **checks: Any) -> Any:
    return field(default=default, metadata={"help": help, **checks})


@dataclass(frozen=True)
class Settings:
    """All settings. Load them once, at the edge of the program, and pass them down."""

    broker_url: str = _setting(
        "valkey://",
        "`valkey://` embedded; `valkey://host:6379`, `redis://host:6379`, `kafka://host:9092`",
        schemes=("valkey", "redis", "kafka"),
    )
    state_url: str = _setting(
        "", "with Kafka: URL of the Redis or Valkey for shared state", schemes=("valkey", "redis")
    )
    kafka_security_protocol: str = _setting(
        "PLAINTEXT", "with Kafka: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`",
                                   choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))  # fmt: skip
    kafka_ca_file: str = _setting("", "PEM file of the CA of Kafka's certificate; default: the system's CAs")
    kafka_cert_file: str = _setting("", "PEM file of the client certificate, if Kafka requires one")
    kafka_key_file: str = _setting("", "PEM file of the client key, if it is not in `kafka_cert_file`")
    kafka_sasl_mechanism: str = _setting("SCRAM-SHA-512", "`SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`",
                               choices=("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"))  # fmt: skip
    kafka_username: str = _setting("", "user name for SASL")
    kafka_password: str = _setting(
        "", "password for SASL; prefer the environment, because flags are visible to other users", secret=True
    )
    kafka_password_file: str = _setting("", "file with the SASL password, such as a Docker secret")
    data_dir: Path = _setting(Path("copydesk-data"), "folder for all data of embedded mode")
    valkey_fsync: str = _setting("always", "embedded: `always`, or `everysec` (faster; a crash may lose a second)",
                          choices=("always", "everysec"))  # fmt: skip
    valkey_memory_mb: int = _setting(
        1024,
        "embedded: memory limit of the Valkey server; a fifth of it is reserved for the desk",
        minimum=16,
    )
    partitions: int = _setting(PARTITIONS, "partitions of a new topic; maximum number of desks", minimum=1)
    replication_factor: int = _setting(0, "replicas of a new Kafka topic; 0: one per broker, at most 3", minimum=0)
    group_expiry_days: float = _setting(
        7.0,
        "Valkey and Redis: days after which an inactive consumer group expires, with its unread messages",
        minimum=0,
    )
    desk_workers: int = _setting(
        1, "desks that `copydesk up` starts; `auto`: one per CPU core, at most 8", minimum=0, auto=auto_workers
    )
    lease_timeout_s: float = _setting(
        6.0,
        "seconds without a heartbeat after which the partitions or feeds of a member go to other members",
        minimum=0.5,
    )
    desk_batch_size: int = _setting(100, "maximum number of items in one step of the desk", minimum=1)
    item_timeout_s: float = _setting(
        2.5, "CPU seconds after which an item becomes a dead letter; less than half of `lease_timeout_s`", minimum=0.1
    )
    clean_processes: str = _setting(
        AUTO, "cleaning processes of one desk; `auto`: one per CPU core, at most 4; `0`: the desk cleans itself"
    )
    poll_interval_s: float = _setting(
        900.0,
        "seconds between polls of a feed with three new items an hour; other feeds have a third to 16 times of it",
        minimum=0.01,
    )
    adaptive_polling: bool = _setting(True, "adapt the poll interval to each feed; `false`: always `poll_interval_s`")
    host_delay_s: float = _setting(
        1.0, "minimum seconds between polls of one host; longer after a 429 response", minimum=0
    )
    max_desk_lag: int = _setting(
        50_000,
        "maximum lag of the desk, in items; pollers wait at this limit, and above it `/readyz` returns 503",
        minimum=1,
    )
    max_group_lag: int = _setting(
        50_000, "lag of a consumer group, in messages, above which health warns of it", minimum=1
    )
    push_items_per_minute: int = _setting(60_000, "items per minute that `POST /items` accepts", minimum=1)
    poll_timeout_s: float = _setting(
        20.0, "seconds after which a poll fails; it fails after half of them if the server sends nothing", minimum=0.1
    )
    poll_concurrency: int = _setting(256, "maximum number of concurrent polls of one poller", minimum=1)
    max_feed_bytes: int = _setting(10 * MiB, "maximum size of a feed document, in bytes", minimum=1024)
    max_feed_items_per_day: int = _setting(
        5_000, "maximum new items of a feed in a day (UTC); other items wait for the next day", minimum=1
    )
    max_feed_mb_per_day: float = _setting(64.0, "maximum size of a feed's new items in a day, in MiB", minimum=0.001)
    max_feed_letters_per_day: int = _setting(
        50, "maximum dead letters of a feed's unreadable entries in a day", minimum=0
    )
    parser_processes: int = _setting(2, "parser processes of one poller", minimum=1)
    allowed_private_hosts: str = _setting(
        "", "hosts with private addresses that copydesk may connect to: `nas.home:8080, 127.0.0.1:*`"
    )
    user_agent_contact: str = _setting("", "e-mail address or URL for feed owners, sent in the User-Agent")
    websub_callback_url: str = _setting(
        "",
        "public URL of the web server for pushes of WebSub hubs, such as `https://news.example.org`; empty: no WebSub",
        schemes=("http", "https"),
    )  # fmt: skip
    story_window_days: float = _setting(7.0, "maximum days between articles of the same story", minimum=0)
    near_duplicates: str = _setting(
        "mark",
        "policy for near-duplicates: `mark` them, `drop` them, or keep only those of the story's `first-publisher`",
        choices=("mark", "drop", "first-publisher"),
    )
    events: bool = _setting(
        False, "group articles of one event in `copydesk.events`: `copydesk up` starts the worker (extra `events`)"
    )
    site_rules: str = _setting("", "folder of site rules: `HOST.txt` files in the format of Full-Text RSS")
    web_host: str = _setting("127.0.0.1", "listening address of the web server")
    web_allowed_hosts: str = _setting(
        "", "host names that the web server answers to, besides loopback and `web_host`: `news.home, copydesk`"
    )
    web_max_connections: int = _setting(500, "maximum number of open connections of the web server", minimum=10)
    web_port: int = _setting(8411, "port of the web server; 0: any free port", minimum=0, maximum=65535)
    demo: str = _setting("auto", "demo with invented feeds: `auto` (while no feeds are registered), `on`, `off`",
                         choices=("auto", "on", "off"))  # fmt: skip
    demo_interval_s: float = _setting(3.0, "seconds between articles of the demo", minimum=0.01)
    shutdown_timeout_s: float = _setting(10.0, "maximum seconds to complete current work when stopping", minimum=0.1)
    log_level: str = _setting("INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
                              choices=("DEBUG", "INFO", "WARNING", "ERROR"))  # fmt: skip
    log_format: str = _setting("text", "`text` or `json`, one object per line, for log collectors",
                               choices=("text", "json"))  # fmt: skip
    log_file: str = _setting("", "log file, rotated at 10 MB, with three old files; default: standard error")
    routes: tuple[Route, ...] = field(default=(), metadata={"help": "`[[routes]]` tables of `copydesk.toml`"})
    feeds: tuple[FeedOptions, ...] = field(default=(), metadata={"help": "`[[feeds]]` tables of `copydesk.toml`"})
    sinks: tuple[SinkTable, ...] = field(default=(), metadata={"help": "`[[sinks]]` tables of `copydesk.toml`"})
    sources: tuple[SourceTable, ...] = field(default=(), metadata={"help": "`[[sources]]` tables of `copydesk.toml`"})

    @property
    def broker_scheme(self) -> str:
        return urlsplit(self.broker_url).scheme

    @property
    def embedded(self) -> bool:
        """Whether the broker is copydesk's own Valkey server on `data_dir`."""
        return self.broker_url == "valkey://"

    @property
    def clean_process_count(self) -> int:
        """The number of cleaning processes of one desk."""
        if self.clean_processes != AUTO:
            return int(self.clean_processes)
        return min(MAX_AUTO_PROCESSES, max(1, cpu_cores() // max(1, self.desk_workers)))

    @cached_property
    def private_host_patterns(self) -> frozenset[str]:
        """The entries of `allowed_private_hosts`."""
        return frozenset(host.strip().lower() for host in self.allowed_private_hosts.split(",") if host.strip())

    def feed_options(self, url: str) -> FeedOptions:
        """Return the first `[[feeds]]` table that matches *url*, or the defaults."""
        for options in self.feeds:
            if fnmatchcase(url, options.url):
                return options
        return _DEFAULT_OPTIONS

    @property
    def user_agent(self) -> str:
        return f"copydesk/{version()}" + (f" (+{self.user_agent_contact})" if self.user_agent_contact else "")


_DEFAULT_OPTIONS = FeedOptions("*")


class LoadedSettings(NamedTuple):
    """Settings, the source of each setting that is not a default, and the text of copydesk.toml."""

    settings: Settings
    sources: Mapping[str, str]
    text: str
    path: Path | None = None

    @property
    def file_has_secrets(self) -> bool:
        """Whether copydesk.toml holds a password, or headers or options that may be secret."""
        values = {
            spec.name: str(getattr(self.settings, spec.name))
            for spec in fields(Settings)
            if self.sources.get(spec.name, "").startswith(f"{self.path}:")
        }
        secret = [spec.name for spec in fields(Settings) if spec.metadata.get("secret")]
        urls = [value for value in values.values() if redact_url(value) != value]
        tables = [t.password or t.headers or t.proxy for t in self.settings.feeds]
        sinks = [sink.options.get("secret") or sink.options.get("headers") for sink in self.settings.sinks]
        return any((*(values.get(name) for name in secret), *urls, *tables, *sinks))


def load_settings(flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings. A flag of None counts as absent.

    Raises:
        SettingsError: a name is unknown, or a value is invalid. The message names the setting and its source.
    """
    return load_with_sources(flags, environ).settings


def load_with_sources(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> LoadedSettings:
    """Return the settings and their sources; see `load_settings`."""
    environ = os.environ if environ is None else environ
    specs = {f.name: f for f in fields(Settings)}
    path = Path(environ.get(CONFIG_VARIABLE, CONFIG_FILE)).absolute()
    file = TomlFile.read(path, required=CONFIG_VARIABLE in environ)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, raw in file.values.items():
        if name not in specs:
            raise file.unknown_key(name, specs)
        source = file.location(name)
        values[name] = parse_tables(name, raw, file) if name in TABLE_SETTINGS else _convert(specs[name], raw, source)
        sources[name] = source
    scalars = [name for name in specs if name not in TABLE_SETTINGS]
    for name, raw in read_environ(environ, scalars).items():
        sources[name] = f"environment {ENV_PREFIX}{name.upper()}"
        values[name] = _convert(specs[name], raw, sources[name])
    for name, raw in (flags or {}).items():
        if raw is not None:
            if name not in scalars:
                raise SettingsError(f"unknown setting: {name} (command line); see `copydesk settings`")
            sources[name] = f"flag --{name.replace('_', '-')}"
            values[name] = _convert(specs[name], raw, sources[name])
    return LoadedSettings(_validate(_with_password(Settings(**values))), sources, file.text, path)


def _with_password(settings: Settings) -> Settings:
    """Return *settings* with the password of `kafka_password_file`. Raises SettingsError."""
    path = settings.kafka_password_file
    if not path or settings.kafka_password:
        return settings
    try:
        password = Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "no UTF-8 text"
        raise SettingsError(f"unreadable file: kafka_password_file = {path!r} ({reason}); correct the path") from exc
    return replace(settings, kafka_password=password)


def _convert(spec: Any, raw: Any, source: str) -> Any:
    return convert(spec.name, raw, type(spec.default), spec.metadata, source)


def _validate(settings: Settings) -> Settings:
    """Check the settings that depend on each other. Raises SettingsError."""
    _validate_urls(settings)
    if settings.item_timeout_s >= settings.lease_timeout_s / 2:
        raise SettingsError(
            f"invalid setting: item_timeout_s = {settings.item_timeout_s:g} (not below half of "
            f"lease_timeout_s = {settings.lease_timeout_s:g}, so an item could outlast its lease and be processed "
            "twice); lower item_timeout_s or raise lease_timeout_s"
        )
    if settings.clean_processes != AUTO and not settings.clean_processes.isdecimal():
        raise SettingsError(
            f"invalid setting: clean_processes = {settings.clean_processes!r} (neither a number nor {AUTO!r}); "
            "correct the value"
        )
    routes = [route_topic(route.name).name for route in settings.routes]
    names = [sink.name for sink in settings.sinks]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"duplicate sink name: {', '.join(repeated)}; give each [[sinks]] table its own name")
    sources = [source.name for source in settings.sources]
    if repeated := sorted({name for name in sources if sources.count(name) > 1}):
        raise SettingsError(f"duplicate source name: {', '.join(repeated)}; give each [[sources]] table its own name")
    for sink in settings.sinks:
        topic = resolve_topic(sink.topic).name
        if topic.count(".") > 1 and topic not in routes:
            raise SettingsError(f"unknown route: topic = {sink.topic!r} (sink {sink.name}); add a [[routes]] table")
    for host in settings.private_host_patterns:
        name, _, port = host.rpartition(":")
        if not name or not (port == "*" or port.isdecimal()) or "/" in host:
            raise SettingsError(f"invalid allowed_private_hosts: {host!r} (not host:port); use host:* for all ports")
    if settings.kafka_security_protocol.startswith("SASL") and not (
        settings.kafka_username and settings.kafka_password
    ):
        protocol = settings.kafka_security_protocol
        raise SettingsError(
            f"missing setting: kafka_security_protocol = {protocol!r} needs kafka_username and kafka_password; set both"
        )
    return settings


def _validate_urls(settings: Settings) -> None:
    for name in ("broker_url", "state_url"):
        url = getattr(settings, name)
        try:
            for server in kafka_bootstrap_servers(url) if url.startswith("kafka:") else [url]:
                _ = urlsplit(server if "://" in server else f"//{server}").port
        except ValueError:  # its text may hold a part of the password
            raise SettingsError(
                f"invalid setting: {name} = {redact_url(url)!r} (malformed host or port); correct the URL, and "
                "percent-encode special characters of the password"
            ) from None
        _check_host(settings, name, url)
    if settings.broker_scheme == "kafka" and "@" in settings.broker_url:
        raise SettingsError(
            f"invalid setting: broker_url = {redact_url(settings.broker_url)!r} (it contains credentials); "
            "use kafka_username and kafka_password"
        )
    if settings.broker_scheme == "kafka" and not settings.state_url:
        raise SettingsError("missing setting: state_url (broker_url is Kafka); set it to a Redis or Valkey URL")
    if settings.broker_scheme != "kafka" and settings.state_url:
        raise SettingsError(
            "invalid setting: state_url (only Kafka needs it; Redis and Valkey keep state beside topics); remove it"
        )


def _check_host(settings: Settings, name: str, url: str) -> None:
    """Raise SettingsError for a URL without host and socket, which would wait for its server for ever."""
    is_embedded = name == "broker_url" and settings.embedded
    parts = urlsplit(url)
    has_server = kafka_bootstrap_servers(url) if parts.scheme == "kafka" else parts.hostname or parts.path.strip("/")
    if url and not is_embedded and not has_server:
        example = "kafka://host:9092" if parts.scheme == "kafka" else "valkey://host:6379 or valkey:///path/of.sock"
        raise SettingsError(f"invalid setting: {name} = {redact_url(url)!r} (no host); write {example}")


def kafka_bootstrap_servers(url: str) -> list[str]:
    """Return the `host:port` of each server in `kafka://a:9092,b:9092` or `kafka://a;kafka://b`."""
    hosts = [part.strip().removeprefix("kafka://").rstrip("/") for part in url.replace(";", ",").split(",")]
    return [host if ":" in host else f"{host}:9092" for host in hosts if host]
