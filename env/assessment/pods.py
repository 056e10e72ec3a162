"""Names of pods: they are drawn, and another world has others, so what is compared between worlds does without."""

from __future__ import annotations

import re

OF_ONE_POD = frozenset({"pod", "instance", "server_k8s_pod_name", "uid", "id", "container_id"})
"""Labels that name one pod or process."""

_LABEL = re.compile(rf'(?:{"|".join(sorted(OF_ONE_POD))})="[^"]*",?')


def of_no_pod(name: str) -> str:
    """The name of a detailed metric, `name{label="value"}`, without what names one pod."""
    return _LABEL.sub("", name).replace(",}", "}").replace("{}", "")
