#!/usr/bin/env bash
# Hosting capacity: the search against trying step after step in OpenDSS at every bus, the three methods on IEEE 123, and a year of it.
#
# usage: run.sh [GRIDTWIN] [PYTHON]
#
# The year follows the 8760-point shapes of the reference feeder (GRIDTWIN_FEEDERS, or shared/feeders beside the repository); without them it is left out.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${1:-$here/../../target/release/gridtwin}
python=${2:-python3}
model=$here/../../models/ieee123/ieee123.dss
feeders=${GRIDTWIN_FEEDERS:-$here/../../../shared/feeders}
status=0
for der in generation load; do
    echo "== every bus of IEEE 123, $der, 10 kW: search against OpenDSS step by step"
    "$python" "$here/brute_force.py" --gridtwin "$bin" --model "$model" --der $der --not-worse --limit over-voltage=1.058 --limit under-voltage=0.95 \
        --limit voltage-deviation=0.03 --limit voltage-unbalance=3 --limit thermal-line=130 --limit thermal-transformer=100 || status=1
done
for method in iterative streamlined stochastic; do
    echo "== IEEE 123, $method"
    ( time "$bin" hosting-capacity "$model" --method $method --seed 1 --limit over-voltage=1.058 --base-violations not-worse --out "$(mktemp -d)" ) 2>&1 | grep -E "^ieee|real|user" || status=1
done
if [ -f "$feeders/ieee123/IEEE123Master.dss" ]; then
    year=(--dss "redirect LoadShape1.DSS" --dss "redirect LoadShape2.DSS" --dss "redirect LoadShape3.DSS" --dss "batchedit load..* yearly=loadshape1"
        --dss "batchedit load.s1.* yearly=loadshape2" --dss "batchedit load.s7.* yearly=loadshape3")
    for form in "" --envelope; do
        echo "== IEEE 123, all 8760 hours, every bus $form"
        ( time "$bin" hosting-capacity "$feeders/ieee123/IEEE123Master.dss" "${year[@]}" --hours all $form --relax none --limit over-voltage=1.058 \
            --base-violations not-worse --out "$(mktemp -d)" ) 2>&1 | grep -vE "^warning|^note|^  |^$" || status=1
    done
fi
exit $status
