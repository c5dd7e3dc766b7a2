"""Operations on the stand-in service, and who pays for them."""

from collections.abc import AsyncIterator

import pytest

from speechd.auth.keys import Key
from speechd.auth.meter import Meter
from speechd.auth.usage import Kind, UsageCounters
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


class Bill(UsageCounters):
    """Whose `meter` belongs to one key without limits."""

    def __init__(self) -> None:
        super().__init__()
        self.meter = Meter(Key("anna", "", id="anna"), self)
        self.charges: list[float] = []
        """Seconds of audio, charge by charge."""

    def charge(self, key: str, kind: Kind, amount: float) -> None:
        super().charge(key, kind, amount)
        self.charges.append(amount)


@pytest.fixture
def bill() -> Bill:
    return Bill()
