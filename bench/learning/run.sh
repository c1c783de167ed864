#!/bin/sh
# Forests, boosting and isolation beside scikit-learn, XGBoost and LightGBM on the same tables, one thread each.
#
#   bench/learning/run.sh [options of compare.py]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
venv=${GRIDTWIN_BENCH_VENV:-.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import lightgbm, shap, sklearn, tslearn, xgboost' 2>/dev/null ||
    "$venv/bin/pip" install -q scikit-learn==1.9.1 xgboost-cpu==3.2.0 lightgbm==4.7.0 tslearn==0.10.0 shap==0.51.0
cargo build --release -p learning --example trees_bench
target=$(cargo metadata --format-version 1 --no-deps | "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
"$venv/bin/python" "$here/compare.py" --trees-bench "$target/release/examples/trees_bench" "$@"
