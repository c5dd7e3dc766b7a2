"""Operations on the stand-in service, and who pays for them."""

from collections.abc import AsyncIterator

import pytest

from speechd.settings import Settings
from tests.support.fake_service import StandInService


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[StandInService]:
    service = StandInService(settings)
    yield service
    service.ears.gate.set()
    service.mouth.gate.set()
    await service.coalescer.close()
    await service.close()


@pytest.fixture
def bill() -> list[float]:
    """Seconds of audio that were charged; give its `append` to a context."""
    return []
