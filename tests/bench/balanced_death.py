"""One of two servers behind nginx dies under load: what do clients see?

    python -m tests.bench.balanced_death [--seconds 120] [--clients 16]

Two servers with data folders of their own share a PostgreSQL, behind the nginx of deploy/proxies. Clients upload short
recordings, one in four of them a second time. After a quarter of the time one server is killed (SIGKILL), and after
half of it it starts again; after three quarters the other one is killed. It needs nginx and PostgreSQL.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.support.balanced import Clients, balanced, is_ready
from tests.support.postgres import serving_postgres
from tests.support.processes import eventually


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving_postgres() as database:
        place = Path(folder)
        place.chmod(0o755)
        with balanced(place, database, SPEECHD_ALLOW_ANONYMOUS="true") as (servers, client):
            clients, quarter = Clients.of(client, servers.url(0)), given.seconds / 4

            def deaths() -> None:
                time.sleep(quarter)
                servers.kill(0)
                time.sleep(quarter)
                servers.start(0)
                if not eventually(lambda: is_ready(servers.url(0)), 120):
                    raise SystemExit("The server that was started again is not ready.")
                time.sleep(quarter)
                servers.kill(1)

            outcome = clients.run(given.seconds, given.clients, deaths)
            clients.read_logs(servers.logs)
            said = (place / "nginx" / "log").read_text().splitlines()
    print(outcome)
    for line in (*outcome.errors, *outcome.wrong, *outcome.doubled, *(said[-40:] if outcome.errors else ())):
        print(" ", line)


if __name__ == "__main__":
    main()
