#!/bin/sh
set -eu
cd "$(dirname "$0")"
if [ ! -x .venv/bin/componentize-py ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --requirement requirements.txt
fi
.venv/bin/componentize-py --wit-path wit --world component componentize app --output package/app.wasm
