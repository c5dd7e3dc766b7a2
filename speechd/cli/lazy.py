"""What commands need of the rest of speechd, loaded when it is first used, so that `--help` is quick.

This is the one place where the command line loads late (PEP 562): `lazy.KeyFile` imports speechd.auth.keys at that
moment.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechd.api.diagnosis.report import Check, CheckResult, Finding, run_checks, worst
    from speechd.api.middleware.access import refuse_unsafe_binding
    from speechd.api.server import listen
    from speechd.api.server import run as run_server
    from speechd.auth.keys import ENVIRONMENT, KeyFile, KeyLimits, parse_permissions
    from speechd.auth.meter import format_usage
    from speechd.auth.usage import UsageCounters
    from speechd.cli.admin.archive import place, unpacked, write_archive
    from speechd.cli.admin.snapshot import snapshot
    from speechd.cli.doctor.checks import CHECKS, NEEDS_NO_SETTINGS
    from speechd.cli.listen.run import ListenPlan
    from speechd.cli.listen.run import run as run_listen
    from speechd.cli.listen.sources import list_microphones
    from speechd.cli.speak import SpeakPlan, read_text
    from speechd.cli.speak import run as run_speak
    from speechd.cli.transcribe.options import TranscribeArgs
    from speechd.cli.transcribe.run import RunMode
    from speechd.cli.transcribe.run import RunPlan as TranscribePlan
    from speechd.cli.transcribe.run import run as run_transcribe
    from speechd.cli.tuning import tune
    from speechd.cli.worker import run as run_worker
    from speechd.configuration.in_force import settings_in_force
    from speechd.configuration.origins import unknown_notes
    from speechd.folders.discover import Selection
    from speechd.formats.subtitles import Layout
    from speechd.operations.known_speakers import enrol
    from speechd.registry.defaults import default_pair, missing_defaults, system_language
    from speechd.registry.files import folder_bytes
    from speechd.registry.registry import ModelStore
    from speechd.registry.transfer.bundle import export_models, import_models
    from speechd.registry.transfer.download import adopt, pull, read_manifest
    from speechd.registry.transfer.mirroring import write_mirror
    from speechd.service import open_service
    from speechd.settings import Settings, read_settings
    from speechd.store.database import database_url, newest_migration
    from speechd.store.store import StoreHandle
    from speechd.wyoming.run import open_beside_http
    from speechd.wyoming.run import run as run_wyoming

__all__ = [
    "CHECKS",
    "ENVIRONMENT",
    "NEEDS_NO_SETTINGS",
    "Check",
    "CheckResult",
    "Finding",
    "KeyFile",
    "KeyLimits",
    "Layout",
    "ListenPlan",
    "ModelStore",
    "RunMode",
    "Selection",
    "Settings",
    "SpeakPlan",
    "StoreHandle",
    "TranscribeArgs",
    "TranscribePlan",
    "UsageCounters",
    "adopt",
    "database_url",
    "default_pair",
    "enrol",
    "export_models",
    "folder_bytes",
    "format_usage",
    "import_models",
    "list_microphones",
    "listen",
    "missing_defaults",
    "newest_migration",
    "open_beside_http",
    "open_service",
    "parse_permissions",
    "place",
    "pull",
    "read_manifest",
    "read_settings",
    "read_text",
    "refuse_unsafe_binding",
    "run_checks",
    "run_listen",
    "run_server",
    "run_speak",
    "run_transcribe",
    "run_worker",
    "run_wyoming",
    "settings_in_force",
    "snapshot",
    "system_language",
    "tune",
    "unknown_notes",
    "unpacked",
    "worst",
    "write_archive",
    "write_mirror",
]

HOMES = {
    "api.middleware.access": ("refuse_unsafe_binding",),
    "api.server": ("listen", "run as run_server"),
    "auth.keys": ("ENVIRONMENT", "KeyFile", "KeyLimits", "parse_permissions"),
    "auth.meter": ("format_usage",),
    "auth.usage": ("UsageCounters",),
    "cli.admin.archive": ("place", "unpacked", "write_archive"),
    "cli.admin.snapshot": ("snapshot",),
    "store.database": ("database_url", "newest_migration"),
    "cli.doctor.checks": ("CHECKS", "NEEDS_NO_SETTINGS"),
    "api.diagnosis.report": ("Check", "CheckResult", "Finding", "run_checks", "worst"),
    "cli.listen.run": ("ListenPlan", "run as run_listen"),
    "cli.listen.sources": ("list_microphones",),
    "cli.speak": ("SpeakPlan", "read_text", "run as run_speak"),
    "cli.transcribe.options": ("TranscribeArgs",),
    "cli.transcribe.run": ("RunPlan as TranscribePlan", "RunMode", "run as run_transcribe"),
    "cli.worker": ("run as run_worker",),
    "configuration.in_force": ("settings_in_force",),
    "configuration.origins": ("unknown_notes",),
    "folders.discover": ("Selection",),
    "formats.subtitles": ("Layout",),
    "cli.tuning": ("tune",),
    "operations.known_speakers": ("enrol",),
    "registry.defaults": ("default_pair", "missing_defaults", "system_language"),
    "registry.files": ("folder_bytes",),
    "registry.registry": ("ModelStore",),
    "registry.transfer.bundle": ("export_models", "import_models"),
    "registry.transfer.download": ("adopt", "pull", "read_manifest"),
    "registry.transfer.mirroring": ("write_mirror",),
    "service": ("open_service",),
    "settings": ("Settings", "read_settings"),
    "store.store": ("StoreHandle",),
    "wyoming.run": ("open_beside_http", "run as run_wyoming"),
}
"""The imports above once more: type checkers read those, and a running command this table."""

_PLACES = {
    name.rpartition(" as ")[2]: (f"speechd.{module}", name.partition(" as ")[0])
    for module, names in HOMES.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)
