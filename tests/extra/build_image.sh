#!/usr/bin/env bash
# Builds the image without a container daemon and without a registry, serves from it, and has it transcribe a recording.
#
#   tests/extra/build_image.sh [FOLDER]      needs root, and: apt install buildah debootstrap curl
#
# The base image is made by debootstrap from Debian's mirror; chroot isolation asks nothing of the kernel. FOLDER keeps
# the images (about 5 GB); without it they go to a temporary folder, which is removed. BUILD_OPTIONS is passed to
# `buildah build`: for instance --volume /etc/pip.conf:/etc/pip.conf:ro where pip needs a mirror.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${1:-}
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"
port=${PORT:-18080}
key=key-of-this-test

buildah=(buildah --root "$work/images" --runroot "$work/run" --storage-driver vfs)
images() { "${buildah[@]}" "$@"; }

[ -e "$work/base/etc/os-release" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$work/base"
if ! images inspect --type image localhost/speechd-base >/dev/null 2>&1; then
    container=$(images from scratch)
    images add --quiet "$container" "$work/base" / >/dev/null
    images commit --quiet --rm "$container" localhost/speechd-base >/dev/null
fi

# shellcheck disable=SC2086 # several options in one variable
images build --isolation chroot --format docker --build-arg BASE=localhost/speechd-base ${BUILD_OPTIONS:-} --tag localhost/speechd .
images inspect --type image --format '{{.Docker.Config.User}} {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}' localhost/speechd
test "$(images inspect --type image --format '{{.Docker.Config.StopSignal}}' localhost/speechd)" = SIGTERM
images inspect --type image --format '{{.Docker.Config.Labels}}' localhost/speechd | grep --quiet 'org.opencontainers.image.version'

container=$(images from localhost/speechd)
run=("${buildah[@]}" run --isolation chroot --env "SPEECHD_PORT=$port" --env "SPEECHD_API_KEY=$key" "$container" --)
inside() { "${run[@]}" "$@"; }
test "$(inside id -u)" = 10001
setsid "${run[@]}" speechd serve &
server=$!  # and the number of its process group
for _ in $(seq 120); do
    curl --silent --fail "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.5
done
inside python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/healthz')"
said=$(curl --silent --fail "http://127.0.0.1:$port/v1/audio/transcriptions" -H "Authorization: Bearer $key" \
    -F model=auto -F response_format=text -F file=@audio_fixtures/en_television.flac)
curl --silent --fail "http://127.0.0.1:$port/v1/audio/speech" -H "Authorization: Bearer $key" \
    -H "Content-Type: application/json" -d '{"model": "tts-1", "voice": "alloy", "input": "Good morning."}' -o "$work/said.mp3"
kill -- "-$server"
wait "$server" 2>/dev/null || true
images rm "$container" >/dev/null
echo "the image transcribed: $said; it spoke $(stat --format %s "$work/said.mp3") bytes"
test "$(stat --format %s "$work/said.mp3")" -gt 5000
test "$said" = "Turn off the television, please."
