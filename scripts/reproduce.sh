#!/usr/bin/env bash
# From text to the shipped default: scripts/reproduce.sh TEXT NEWS, files or folders of .txt or .txt.xz, a paragraph a
# line; NEWS is read in the last phase of pre-training, and silver paragraphs are drawn from it. Start it again after a
# break and it goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
text=${1:?usage: scripts/reproduce.sh TEXT NEWS}
news=${2:?usage: scripts/reproduce.sh TEXT NEWS}
ahdath pretrain configs/pretrain.yaml --set text="$text" --set last_phase="$news"
teachers=()
for seed in 0 1 2; do
  teachers+=("runs/teacher-$seed")
  ahdath train configs/embedded.yaml --set encoder=runs/encoder --set seed="$seed" --set output="runs/teacher-$seed"
done
[ -f runs/silver.jsonl ] || python scripts/silver.py "$news" runs/silver.jsonl --models "${teachers[@]}"
ahdath train configs/silver.yaml
runs=()
for seed in 0 1 2; do
  runs+=("runs/embedded-$seed")
  ahdath train configs/embedded.yaml --set seed="$seed" --set output="runs/embedded-$seed"
done
python scripts/ship.py "${runs[@]}"
python scripts/benchmark.py all --models "${runs[@]}" --encoder runs/encoder --stock
