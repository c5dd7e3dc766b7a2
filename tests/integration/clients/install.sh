#!/usr/bin/env bash
# Installs the clients of tests/integration/clients into .clients, each into a folder of its own. About 2 GB on disk.
# Usage: install.sh [NAME...], where a NAME is a file of requirements/ or `node`. Without a NAME it installs all.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
into=$(cd ../../.. && pwd)/.clients
python=${PYTHON:-python3}
mkdir -p "$into"

# The SDKs ship their own tests in their source distributions.
fetch_tests() {
    local name=$1 version
    version=$(sed -n "s/^$name\(\[.*\]\)\?==//p" requirements/sdks.txt)
    "$into/sdks/bin/pip" download --quiet --no-deps --no-binary "$name" --dest "$into/sources" "$name==$version"
    rm -rf "$into/sources/$name"
    mkdir -p "$into/sources/$name"
    tar -xzf "$into/sources/$name-$version.tar.gz" -C "$into/sources/$name" --strip-components 1 \
        "$name-$version/tests" "$name-$version/pyproject.toml"
}

environment() {
    local name=$1 wanted="requirements/$1.txt"
    cmp --silent "$wanted" "$into/$name/installed.txt" && return
    echo "Installing $name"
    "$python" -m venv --clear "$into/$name"
    "$into/$name/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    case $name in
        sdks) fetch_tests groq && fetch_tests openai ;;
        langchain) ln -sf "$("$into/$name/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')" \
            "$into/$name/bin/ffmpeg" ;;
    esac
    cp "$wanted" "$into/$name/installed.txt"
}

packages() {
    command -v npm >/dev/null || { echo "No node: apt install nodejs npm"; return; }
    cmp --silent package.json "$into/node/package.json" && return
    echo "Installing the AI SDK"
    mkdir -p "$into/node"
    (cd "$into/node" && cp "$here/package.json" . && npm install --silent --no-audit --no-fund --no-package-lock) \
        || { rm -f "$into/node/package.json"; return 1; }
}

for name in "${@:-all}"; do
    case $name in
        all) for file in requirements/*.txt; do environment "$(basename "$file" .txt)"; done; packages ;;
        node) packages ;;
        *) environment "$name" ;;
    esac
done
