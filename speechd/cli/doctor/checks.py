"""All checks, in the order of the report."""

from speechd.api.diagnosis import installation, machine
from speechd.api.diagnosis.report import Check
from speechd.cli.doctor import models, network, port

NEEDS_NO_SETTINGS = (
    Check("Installation", "python", installation.python),
    Check("Installation", "packages", installation.packages),
    Check("Installation", "wheels", installation.wheels),
)
"""Checks that run also where the settings cannot be read."""

CHECKS = (
    *NEEDS_NO_SETTINGS,
    Check("Installation", "extras", installation.extras),
    Check("Installation", "settings", installation.names_of_settings),
    Check("Machine", "devices", machine.devices),
    Check("Machine", "data folder", machine.data_folder),
    Check("Machine", "disk", machine.disk),
    Check("Machine", "port", port.port),
    Check("Machine", "access", machine.access),
    Check("Network", "package index", network.package_index, network=True),
    Check("Network", "model hub", network.hub, network=True),
    Check("Network", "mirror", network.mirror_findings, network=True),
    Check("Network", "text servers", network.text_servers, network=True),
    Check("Models", "folders", models.folders),
    Check("Models", "names", models.names),
    Check("Models", "loading", models.loading),
    Check("Models", "end to end", models.end_to_end),
)
