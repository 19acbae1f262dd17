#!/bin/sh
# All that is said about speed, on this machine: fewer tokens, repacked weights, the first answer.
#
#   benchmarks/speed.sh [FOLDER]        about 30 minutes on two quiet cores; needs setup of the models
set -eu
out=${1:-build/speed}
python=${PYTHON:-python}
here=$(dirname "$0")
for size in fast balanced; do
    "$python" -m cli_tuner setup --model "$size-trimmed"
    "$python" "$here/engine.py" "full=$size+none" "trimmed=$size-trimmed+none" \
        "full-plain=$size+none,repack=off" "trimmed-plain=$size-trimmed+none,repack=off" \
        --rounds 2 --out "$out/engine-$size"
    "$python" "$here/cold_start.py" "$size+none" "$size-trimmed+none" --runs 5 --out "$out/cold-$size"
    "$python" "$here/trimmed_vocabulary.py" "$size+none" "$size-trimmed+none" \
        --out "$out/trimmed-$size"
done
