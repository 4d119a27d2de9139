"""The settings: one frozen object, from flags, `COPYDESK_*`, `copydesk.toml` and defaults, in that order."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streams.config.tables import TABLE_SETTINGS, FeedOptions, Route, SinkOptions, parse_tables
from streams.errors import SettingsError
from streams.topics import resolve_topic, route_topic
from streams.version import version

ENV_PREFIX = "COPYDESK_"
CONFIG_FILE = "copydesk.toml"
MiB = 1024 * 1024


def _setting(default: Any, help: str, **checks: Any) -> Any:
    return field(default=default, metadata={"help": help, **checks})


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Read it once at the edge and pass it down."""

    broker_url: str = _setting(
        "valkey://",
        "`valkey://` embedded; `valkey://host:6379`, `redis://host:6379`, `kafka://host:9092`",
        schemes=("valkey", "redis", "kafka"),
    )
    state_url: str = _setting(
        "", "with Kafka: the Redis or Valkey that holds shared state", schemes=("valkey", "redis")
    )
    kafka_security_protocol: str = _setting(
        "PLAINTEXT", "with Kafka: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`",
                                   choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))  # fmt: skip
    kafka_ca_file: str = _setting("", "PEM file of the authority that signed Kafka's certificate; else the system's")
    kafka_cert_file: str = _setting("", "PEM file of our own certificate, where Kafka asks for one")
    kafka_key_file: str = _setting("", "PEM file of its key, when that is in a file of its own")
    kafka_sasl_mechanism: str = _setting("SCRAM-SHA-512", "`SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`",
                               choices=("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"))  # fmt: skip
    kafka_username: str = _setting("", "with SASL")
    kafka_password: str = _setting("", "with SASL; better from the environment than from a flag")
    data_dir: Path = _setting(Path("copydesk-data"), "where embedded mode keeps everything")
    valkey_fsync: str = _setting("always", "embedded: `always`, or `everysec` (faster; a crash may lose a second)",
                          choices=("always", "everysec"))  # fmt: skip
    valkey_memory_mb: int = _setting(
        1024, "embedded: memory of the Valkey server; a fifth of it is the desk's reserve (see Memory)", low=16
    )
    partitions: int = _setting(8, "partitions of a new topic; the most desk workers that can share it", low=1)
    replication_factor: int = _setting(
        0, "copies of a new Kafka topic; 0: as many as there are brokers, at most 3", low=0
    )
    group_expiry_days: float = _setting(
        7.0, "embedded: a group of subscribers that is silent for so long holds no messages", low=0
    )
    desk_workers: int = _setting(1, "desk workers that `copydesk up` starts", low=0)
    lease_timeout_s: float = _setting(
        6.0,
        "a silent worker's or subscriber's partitions, or poller's feeds, go to others after this many seconds",
        low=0.5,
    )
    desk_batch_size: int = _setting(100, "most items that the desk publishes in one step", low=1)
    item_timeout_s: float = _setting(
        2.5, "an item that takes more CPU time becomes a dead letter; less than half of `lease_s`", low=0.1
    )
    poll_interval_s: float = _setting(
        900.0, "seconds between two polls of a feed with three new items an hour; a third to 16 times of it", low=0.01
    )
    adaptive_polling: str = _setting("on", "`off`: every feed is polled every `poll_interval_s`", choices=("on", "off"))
    host_delay_s: float = _setting(
        1.0, "least seconds between two polls of one host; longer for a host that answers 429", low=0
    )
    max_desk_lag: int = _setting(
        50_000, "pollers pause and `/readyz` is 503 while the desk is further behind than so many items", low=1
    )
    poll_timeout_s: float = _setting(20.0, "a feed that takes longer has failed this poll", low=0.1)
    poll_concurrency: int = _setting(256, "feeds polled at once by one poller; slow ones only wait", low=1)
    max_feed_bytes: int = _setting(10 * MiB, "a longer feed document is refused", low=1024)
    parser_processes: int = _setting(2, "processes of a poller that read feed documents", low=1)
    allowed_private_hosts: str = _setting(
        "", "hosts to reach although their addresses aren't public: `nas.home:8080, 127.0.0.1:*`"
    )
    user_agent_contact: str = _setting("", "address or URL for feed owners, sent in the User-Agent")
    websub_callback_url: str = _setting(
        "",
        "where WebSub hubs reach the status page's server, as `https://news.example.org`; then they push what is new",
        schemes=("http", "https"),
    )  # fmt: skip
    story_window_days: float = _setting(7.0, "articles further apart than this don't tell the same story", low=0)
    near_duplicates: str = _setting(
        "mark",
        "articles that copy another: `mark` (they say so), `suppress`, or `first-publisher-wins` (its own come out)",
        choices=("mark", "suppress", "first-publisher-wins"),
    )
    web_host: str = _setting("127.0.0.1", "address of the status page")
    web_port: int = _setting(8411, "port of the status page; 0 takes any free one", low=0, high=65535)
    demo: str = _setting("auto", "invented newsroom: `auto` (while no feeds are configured), `on`, `off`",
                         choices=("auto", "on", "off"))  # fmt: skip
    demo_interval_s: float = _setting(3.0, "seconds between two stories of the demo newsroom", low=0.01)
    shutdown_timeout_s: float = _setting(10.0, "longest wait for work in hand when stopping", low=0.1)
    log_level: str = _setting("INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
                              choices=("DEBUG", "INFO", "WARNING", "ERROR"))  # fmt: skip
    log_format: str = _setting("text", "`text` or `json`: an object a line, for whatever collects logs",
                               choices=("text", "json"))  # fmt: skip
    log_file: str = _setting("", "logs go to this file, in four parts of 10 MB at most; else to standard error")
    routes: tuple[Route, ...] = field(default=(), metadata={"help": "`[[routes]]` tables of `copydesk.toml`"})
    feeds: tuple[FeedOptions, ...] = field(default=(), metadata={"help": "`[[feeds]]` tables of `copydesk.toml`"})
    sinks: tuple[SinkOptions, ...] = field(default=(), metadata={"help": "`[[sinks]]` tables of `copydesk.toml`"})

    @property
    def broker_scheme(self) -> str:
        return urlsplit(self.broker_url).scheme

    @property
    def embedded(self) -> bool:
        """Whether the broker is our own Valkey in `data_dir`."""
        return self.broker_url == "valkey://"

    @property
    def private_host_patterns(self) -> frozenset[str]:
        """The `allowed_private_hosts`, one by one."""
        return frozenset(host.strip().lower() for host in self.allowed_private_hosts.split(",") if host.strip())

    def feed_options(self, url: str) -> FeedOptions:
        """Return what `[[feeds]]` says of the feed at *url*: the first table that matches, else nothing special."""
        for rule in self.feeds:
            if fnmatchcase(url, rule.url):
                return rule
        return FeedOptions(url)

    @property
    def user_agent(self) -> str:
        return f"copydesk/{version()}" + (f" (+{self.user_agent_contact})" if self.user_agent_contact else "")


def load_settings(flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings; a flag that is None counts as not given.

    Raises SettingsError naming the setting and where its value came from. Unknown names are refused: a
    misspelt setting that is quietly ignored is found only at three in the morning.
    """
    environ = os.environ if environ is None else environ
    known = {f.name: f for f in fields(Settings)}
    path = Path(environ.get(f"{ENV_PREFIX}CONFIG", CONFIG_FILE))
    values: dict[str, Any] = {}
    sources: tuple[tuple[str, Mapping[str, Any]], ...] = (
        (str(path), _read_toml(path, required=f"{ENV_PREFIX}CONFIG" in environ)),
        ("environment", _from_environ(environ, known)),
        ("command line", {k: v for k, v in (flags or {}).items() if v is not None}),
    )
    for source, given in sources:
        for name, raw in given.items():
            if name not in known:
                raise SettingsError(f"{source}: there is no setting {name!r}; see `copydesk settings`")
            values[name] = _convert(name, raw, known[name], source)
    return _validate(Settings(**values))


def _from_environ(environ: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    return {
        n: environ[ENV_PREFIX + n.upper()]
        for n in known
        if n not in TABLE_SETTINGS and ENV_PREFIX + n.upper() in environ
    }


def _read_toml(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if required:
            raise SettingsError(f"{path}: no such file") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise SettingsError(f"{path}: {exc}") from exc


def _convert(name: str, raw: Any, known: Any, source: str) -> Any:
    if name in TABLE_SETTINGS:
        return parse_tables(name, raw, source)
    kind, meta = type(known.default), known.metadata
    try:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float | Path):
            raise ValueError("is of the wrong type")
        value = kind(raw.strip() if isinstance(raw, str) else raw)
        if isinstance(value, Path):
            value = value.expanduser()
    except ValueError as exc:
        raise SettingsError(f"{source}: {name} = {raw!r} is not {_type_name(kind)}") from exc
    if "choices" in meta and value not in meta["choices"]:
        raise SettingsError(f"{source}: {name} = {raw!r}; it is one of {', '.join(meta['choices'])}")
    if value < meta["low"] if "low" in meta else False:
        raise SettingsError(f"{source}: {name} = {raw!r} is less than {meta['low']}")
    if value > meta["high"] if "high" in meta else False:
        raise SettingsError(f"{source}: {name} = {raw!r} is more than {meta['high']}")
    if value and "schemes" in meta and urlsplit(str(value)).scheme not in meta["schemes"]:
        raise SettingsError(f"{source}: {name} = {raw!r} begins with none of {', '.join(meta['schemes'])} and ://")
    return value


def _type_name(kind: type) -> str:
    return {int: "a whole number", float: "a number", Path: "a path"}.get(kind, "text")


def _validate(settings: Settings) -> Settings:
    for name in ("broker_url", "state_url"):
        url = getattr(settings, name)
        try:
            for part in kafka_bootstrap_servers(url) if url.startswith("kafka:") else [url]:
                _ = urlsplit(part if "://" in part else f"//{part}").port
        except ValueError as exc:
            raise SettingsError(f"{name} = {url!r}: {exc}") from exc
    if settings.item_timeout_s >= settings.lease_timeout_s / 2:
        raise SettingsError(
            f"item_timeout_s = {settings.item_timeout_s:g} isn't below half of "
            f"lease_timeout_s = {settings.lease_timeout_s:g}: an item could outlast its lease and be processed again; "
            "lower item_timeout_s or raise lease_timeout_s"
        )
    routes = [route_topic(route.name).name for route in settings.routes]
    names = [sink.name for sink in settings.sinks]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"duplicate sink name: {', '.join(repeated)}; give each [[sinks]] table its own name")
    for sink in settings.sinks:
        topic = resolve_topic(sink.topic).name
        if topic.count(".") > 1 and topic not in routes:
            raise SettingsError(f"sink {sink.name}: topic = {sink.topic!r}; there is no such route")
    for host in settings.private_host_patterns:
        name, _, port = host.rpartition(":")
        if not name or not (port == "*" or port.isdecimal()) or "/" in host:
            raise SettingsError(f"allowed_private_hosts: {host!r} is no host:port; host:* stands for all its ports")
    if settings.broker_scheme == "kafka" and not settings.state_url:
        raise SettingsError("broker_url is Kafka; set state_url to the Redis or Valkey that holds shared state")
    if settings.broker_scheme != "kafka" and settings.state_url:
        raise SettingsError("state_url goes with Kafka only: with Valkey or Redis, state lives beside the topics")
    if settings.kafka_security_protocol.startswith("SASL") and not (
        settings.kafka_username and settings.kafka_password
    ):
        raise SettingsError(
            f"kafka_security_protocol = {settings.kafka_security_protocol!r} needs kafka_username and kafka_password"
        )
    return settings


def kafka_bootstrap_servers(url: str) -> list[str]:
    """Return the `host:port` of each server in `kafka://a:9092,b:9092`; `kafka://a;kafka://b` is the same to us."""
    hosts = [part.strip().removeprefix("kafka://").rstrip("/") for part in url.replace(";", ",").split(",")]
    return [host if ":" in host else f"{host}:9092" for host in hosts if host]


def settings_table() -> str:
    """Return the settings as a Markdown table; the README holds it, and a test keeps them the same."""
    rows = ["| setting | default | what |", "|---|---|---|"]
    for f in fields(Settings):
        default = "" if f.default in ("", ()) else f"`{f.default}`"
        rows.append(f"| `{f.name}` | {default} | {f.metadata['help']} |")
    return "\n".join(rows)
