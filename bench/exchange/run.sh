#!/usr/bin/env bash
# RAW files out to two other programs and back: VeraGrid and PowSyBl, each with its own reader and solver.
#
# usage: run.sh [GRIDTWIN] [PYTHON] [MODEL ...]
#
# Without GRIDTWIN (or with "-") it is built; without PYTHON (or with "-") both programs are installed into a virtual environment of their own. Models: those of
# the project, and what of the samples of GRIDTWIN_FORMATS (../shared/formats) is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
binary=${1:--} python=${2:--}
shift $(($# < 2 ? $# : 2))
if [ "$binary" = - ]; then
    cargo build --manifest-path "$root/Cargo.toml" -p gridtwin --bin gridtwin
    binary=${CARGO_TARGET_DIR:-$root/target}/debug/gridtwin
fi
if [ "$python" = - ]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/gridtwin/exchange-venv
    if ! "$venv/bin/python" -c 'import VeraGridEngine, pypowsybl' 2>/dev/null; then
        python3 -m venv "$venv"
        # VeraGrid asks for solvers of optimisation that reading and power flow do not use; some are large and one of a version that cannot always be had.
        "$venv/bin/pip" install --quiet --no-deps veragridengine==6.7.20
        "$venv/bin/pip" install --quiet pypowsybl==1.16.1 numpy autograd scipy networkx pandas highspy xlwt xlrd openpyxl chardet scikit-learn geopy h5py \
            numba pyproj pulp pyarrow windpowerlib pvlib rdflib pymoo websockets brotli fmpy
    fi
    python=$venv/bin/python
fi
models=("$@")
if [ ${#models[@]} -eq 0 ]; then
    models=("$root/models/ehv-400-220.dss" "$root/cases/transmission/windings_off_base/network.raw")
    samples=${GRIDTWIN_FORMATS:-$root/../shared/formats}/psse/open
    for name in IEEE_14_bus_rev35.raw case73.raw IEEE_118_Bus.RAW IEEE_39_bus.RAW remoteControl.raw wecc179.raw WECC240.raw Illinois200.raw \
        three_winding_mag_test.raw ACTIVSg2000.raw.gz; do
        if [ -f "$samples/$name" ]; then models+=("$samples/$name"); fi
    done
fi
"$python" "$here/raw_round_trip.py" --binary "$binary" "${models[@]}"
