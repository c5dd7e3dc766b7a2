#!/bin/sh
# Builds llama.cpp's server from the sources inside the sdist of llama-cpp-python, and the tiny models, into .llama/.
# Needs cmake, ninja or make, and a C++ compiler (Debian, Ubuntu: apt install cmake ninja-build g++). About half an hour
# of one core. Does nothing when it is done already.
set -eu
cd "$(dirname "$0")/../.."
out=${LLAMA_DIR:-.llama}
jobs=${LLAMA_JOBS:-$(nproc)}
mkdir -p "$out"

if [ ! -x "$out/venv/bin/python" ]; then
	${PYTHON:-python3} -m venv "$out/venv"
	"$out/venv/bin/pip" install --quiet --disable-pip-version-check 'gguf>=0.10'
fi

if [ ! -x "$out/build/bin/llama-server" ]; then
	"$out/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary llama-cpp-python \
		--dest "$out" llama-cpp-python
	tar -xzf "$out"/llama_cpp_python-*.tar.gz -C "$out"
	cmake -S "$out"/llama_cpp_python-*/vendor/llama.cpp -B "$out/build" -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF \
		-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_WEBUI=OFF
	cmake --build "$out/build" --target llama-server --parallel "$jobs"
fi

"$out/venv/bin/python" tests/llama/make_models.py "$out"
