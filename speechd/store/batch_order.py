"""What is known of a batch before it is stored; importing this loads no database library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What a caller asks of a batch."""

    owner: str
    dialect: str
    """Name of the dialect it is ordered in."""
    endpoint: str
    input_file_id: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_lifetime: int | None = None
    """Seconds that the output files are kept."""
