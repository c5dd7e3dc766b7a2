"""stamina's callers, which repeat a call and wait longer after each failure, without stamina's own lines in the log.

Whoever uses them says better what failed and what follows; and stamina would hand the arguments of a call to loggers.
"""

from stamina import AsyncRetryingCaller, RetryingCaller
from stamina.instrumentation import set_on_retry_hooks

__all__ = ["AsyncRetryingCaller", "RetryingCaller"]

set_on_retry_hooks(())
