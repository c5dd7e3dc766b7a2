"""Run by the Python of .deploy, which has Helm: renders the chart and prints the manifests, or why it is refused.

python render_chart.py CHART VALUES (JSON)
"""

import json
import sys

from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

chart, values = sys.argv[1], json.loads(sys.argv[2])
try:
    found = lint(chart, values, strict=True)
    if found.get("errors"):
        sys.exit(str(found))
    print(json.dumps(Chart.load(chart).render(values, name="speech", namespace="audio")))
except HelmError as error:
    sys.exit(str(error))
