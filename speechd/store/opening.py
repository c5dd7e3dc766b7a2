"""Opens the store; importing this loads the database libraries."""

from speechd.auth.keys import KeyRing
from speechd.fairness.shared_bound import SharedBound
from speechd.settings import Settings
from speechd.store.audio_jobs.jobs import AudioJobs
from speechd.store.audio_jobs.webhooks import Deliveries
from speechd.store.batches import Batches
from speechd.store.blobs.folder import BlobFolder
from speechd.store.blobs.quota import StorageLimits
from speechd.store.database import open_database
from speechd.store.files import Files
from speechd.store.open_work.counts import WorkCounts
from speechd.store.shared.state import SharedState
from speechd.store.speakers.enrolled import EnrolledSpeakers
from speechd.store.store import Store
from speechd.store.uploads.uploads import Uploads
from speechd.store.usage import SqlUsageStore

HOUR, DAY = 3600.0, 86_400.0


async def open_store(settings: Settings, ring: KeyRing | None = None) -> Store:
    """
    Args:
        ring: the keys of the process; None: they are read here.

    Raises:
        StorageUnavailable: it cannot be opened now.
        Misconfigured, FeatureNotInstalled: it cannot be opened with these settings.
    """
    retention = settings.files_retention_days * DAY
    keys = ring or KeyRing(settings)
    limits = StorageLimits(
        settings.files_quota_bytes,
        settings.min_free_bytes,
        share=lambda: settings.key_share if keys.are_several else 1.0,
    )
    folder = BlobFolder(settings.data_dir / "files", limits)
    database = await open_database(settings)
    shared = SharedState.of(database)
    if settings.shares_state and ring is None:
        keys.adopt(await shared.keys.list())
    files = Files(database, folder, retention)
    window = settings.audio_job_hours * HOUR
    return Store(
        database,
        files,
        Uploads(database, files),
        Batches(database, files),
        AudioJobs(database, files, SharedBound(settings.max_audio_jobs, settings.key_share), window),
        Deliveries(database),
        SqlUsageStore(database),
        EnrolledSpeakers(database),
        WorkCounts(database),
        shared,
        retention,
    )
