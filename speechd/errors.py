"""Every way speechd can refuse or fail, as one tree.

    SpeechdError
    ├── InvalidRequest 400
    │   ├── InvalidAudio
    │   │   ├── UnsupportedAudioFormat
    │   │   └── IndexRefused
    │   └── Unsupported
    ├── AuthenticationFailed 401
    ├── Forbidden 403
    │   ├── UrlNotAllowed
    │   ├── EmbeddedModel
    │   ├── Offline
    │   ├── HostNotAllowed
    │   ├── OriginNotAllowed
    │   └── PermissionDenied
    ├── NotFound 404
    │   ├── ModelNotFound
    │   ├── FileNotFound
    │   ├── UploadNotFound
    │   ├── BatchNotFound
    │   ├── AudioJobNotFound
    │   └── ResultNotReady
    ├── MethodNotAllowed 405
    ├── RequestTimedOut 408
    ├── TooLarge 413
    │   └── QuotaExceeded
    ├── RangeNotSatisfiable 416
    ├── Unprocessable 422
    ├── FailedDependency 424
    ├── RateLimited 429
    ├── InternalError 500
    │   ├── EngineFailure
    │   │   ├── OutOfMemory
    │   │   └── ModelBroken
    │   ├── Misconfigured
    │   └── CannotGoOn
    ├── FeatureNotInstalled 501
    ├── PullFailed 502
    │   └── SourceFailed
    ├── BackendNotConfigured 501
    │   └── NotSupportedByBackend
    ├── BackendFailure 502
    │   └── BackendTimeout 504
    ├── BackendRefusal, the status that the LLM backend gave
    └── Unavailable 503
        ├── Overloaded
        ├── ModelLoading
        ├── ModelNotInstalled
        └── StorageUnavailable
            ├── StorageFull
            └── StorageReadOnly

An error carries a status, a kind, a code and when to try again; speechd.api.errors makes an HTTP reply of it. The first
line of a class's docstring is its default message. Adapters translate foreign exceptions (PyAV's, CTranslate2's, the
HTTP client's) into these at their edge.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class SpeechdError(Exception):
    """The request failed."""

    status: int = 500
    type: str = "server_error"
    code: ClassVar[str | None] = None
    should_retry: bool | None = None
    """Whether the same request can succeed later; None: clients judge by the status."""

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """
        Args:
            message: one or two sentences for the caller; the class docstring's first line when absent.
            param: the request parameter at fault.
            code: a more precise code than the class's own.
            retry_after: seconds after which the same request can succeed.
        """
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.param = param
        self.error_code = code or self.code
        self.retry_after = retry_after
        super().__init__(self.message)

    def envelope(self) -> dict[str, dict[str, Any]]:
        """The documented body: `{"error": {"message", "type", "param", "code"}}`."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.error_code}}


class InvalidRequest(SpeechdError):
    """The request is not valid."""

    status = 400
    type = "invalid_request_error"


class InvalidAudio(InvalidRequest):
    """The audio could not be decoded."""

    code = "invalid_audio"


class UnsupportedAudioFormat(InvalidAudio):
    """The audio is in a format that is not accepted."""

    code = "unsupported_audio_format"


class IndexRefused(InvalidAudio):
    """The index of the recording claims more than its bytes can hold."""


class Unsupported(InvalidRequest):
    """This server does not support the requested feature."""

    code = "unsupported"


class AuthenticationFailed(SpeechdError):
    """Invalid API key."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class Forbidden(SpeechdError):
    """The request is not allowed."""

    status = 403
    type = "invalid_request_error"
    code = "forbidden"


class UrlNotAllowed(Forbidden):
    """The URL points to an address that this server does not fetch from."""

    code = "url_not_allowed"


class EmbeddedModel(Forbidden):
    """The model is part of the installation and cannot be removed."""

    code = "model_embedded"


class Offline(Forbidden):
    """This server may not reach a model hub."""

    code = "offline"


class HostNotAllowed(Forbidden):
    """Without API keys this server answers only under a loopback host name."""

    code = "host_not_allowed"


class OriginNotAllowed(Forbidden):
    """Web pages of this origin may not call this server."""

    code = "origin_not_allowed"


class PermissionDenied(Forbidden):
    """This API key may not do that."""

    code = "permission_denied"


class NotFound(SpeechdError):
    """This address does not exist."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class ModelNotFound(NotFound):
    """The model does not exist or you do not have access to it."""

    code = "model_not_found"


class FileNotFound(NotFound):
    """The file does not exist or you do not have access to it."""

    code = "file_not_found"


class UploadNotFound(NotFound):
    """The upload does not exist or you do not have access to it."""

    code = "upload_not_found"


class BatchNotFound(NotFound):
    """The batch does not exist or you do not have access to it."""

    code = "batch_not_found"


class AudioJobNotFound(NotFound):
    """The audio job does not exist or you do not have access to it."""

    code = "audio_job_not_found"


class ResultNotReady(NotFound):
    """The audio job has no result, because it has not ended or has expired."""

    code = "result_not_ready"


class MethodNotAllowed(SpeechdError):
    """The method is not allowed at this address."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class RequestTimedOut(SpeechdError):
    """The request did not arrive in time."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class TooLarge(SpeechdError):
    """The request is larger than this server accepts."""

    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class QuotaExceeded(TooLarge):
    """The stored files would take more space than this server allows."""

    code = "quota_exceeded"


class RangeNotSatisfiable(SpeechdError):
    """The range begins after the end of the content."""

    status = 416
    type = "invalid_request_error"
    code = "range_not_satisfiable"


class Unprocessable(SpeechdError):
    """The request is well formed but cannot be carried out."""

    status = 422
    type = "invalid_request_error"
    code = "unprocessable"


class FailedDependency(SpeechdError):
    """Another server that this request needs failed."""

    status = 424
    type = "failed_dependency"
    code = "url_fetch_failed"


class RateLimited(SpeechdError):
    """Rate limit reached."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class InternalError(SpeechdError):
    """Something went wrong inside the server."""

    code = "internal_error"


class EngineFailure(InternalError):
    """The speech engine failed on this request."""

    code = "engine_failure"


class OutOfMemory(EngineFailure):
    """The device has too little memory for this request."""

    code = "out_of_memory"


class ModelBroken(EngineFailure):
    """The files of the model break the process that loads them."""

    code = "model_broken"
    should_retry = False


class Misconfigured(InternalError):
    """speechd cannot start with these settings."""

    code = "misconfigured"


class CannotGoOn(InternalError):
    """The run over many recordings cannot continue."""

    code = "cannot_go_on"


class FeatureNotInstalled(SpeechdError):
    """An optional part of this server is not installed."""

    status = 501
    code = "feature_not_installed"
    should_retry = False


class PullFailed(SpeechdError):
    """The model could not be pulled."""

    status = 502
    code = "pull_failed"
    should_retry = False


class SourceFailed(PullFailed):
    """One source could not deliver a model's files. The message is a part of a sentence."""


class BackendNotConfigured(SpeechdError):
    """No LLM backend is configured. Set SPEECHD_LLM_BASE_URL to the URL of an OpenAI-compatible server."""

    status = 501
    code = "backend_not_configured"
    should_retry = False


class NotSupportedByBackend(BackendNotConfigured):
    """The LLM backend does not offer this."""

    code = "not_supported_by_backend"


class BackendFailure(SpeechdError):
    """The LLM backend failed."""

    status = 502
    code = "backend_failed"


class BackendTimeout(BackendFailure):
    """The LLM backend did not answer in time."""

    status = 504
    code = "backend_timeout"


class BackendRefusal(SpeechdError):
    """The LLM backend refused the request."""

    _said: Mapping[str, Any] = {}

    @classmethod
    def of(
        cls,
        status: int,
        error: Mapping[str, Any],
        *,
        retry_after: float | None = None,
        should_retry: bool | None = None,
    ) -> "BackendRefusal":
        """
        Args:
            status: the backend's own, 400 to 599.
            error: `message`, `type`, `param`, `code` and whatever else the backend said, fit for the caller.
            retry_after: seconds after which the backend wants to be asked again.
            should_retry: whether the backend says that it can be asked again.
        """
        refusal = cls(error["message"], param=error["param"], code=error["code"], retry_after=retry_after)
        refusal.status, refusal.type, refusal.should_retry = status, error["type"], should_retry
        refusal._said = dict(error)
        return refusal

    def envelope(self) -> dict[str, dict[str, Any]]:
        return {"error": {**self._said, **super().envelope()["error"]}}


class Unavailable(SpeechdError):
    """The server cannot take this request now."""

    status = 503
    type = "service_unavailable"


class Overloaded(Unavailable):
    """The server has more work than it can do now."""

    code = "overloaded"


class ShuttingDown(Unavailable):
    """The server is shutting down. Please try again."""

    code = "shutting_down"
    should_retry = True


class ModelLoading(Unavailable):
    """The model is being pulled."""

    code = "model_loading"
    should_retry = True


class ModelNotInstalled(Unavailable):
    """The model is known but not installed here."""

    code = "model_not_installed"
    should_retry = False


class StorageUnavailable(Unavailable):
    """Files and batches are not available now, because the database cannot be reached."""

    code = "storage_unavailable"


class StorageFull(StorageUnavailable):
    """The disk of the data folder is full. Batches continue when there is space."""

    code = "storage_full"


class StorageReadOnly(StorageUnavailable):
    """The data folder is read-only. Batches continue when it can be written."""

    code = "storage_read_only"
