#!/usr/bin/env bash
# Correctness and speed on one CUDA device, in one go of less than eight minutes.
#
#   benchmarks/cuda.sh FOLDER [--device cpu]
#
# Writes tests.txt, host.json, cuda.json and cuda.md into FOLDER and ends with the goals that are reached.
# Expects `python` (or PYTHON=...) with a CUDA build of torch, and the packages of `pip install '.[test]'`
# without torch where that is there already. With `--device cpu` it is a dry run: every step, smaller models.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?"usage: benchmarks/cuda.sh FOLDER [--device cpu]"}
device=cuda
[ "${2:-}" = --device ] && device=${3:?"--device takes cuda or cpu"}
python=${PYTHON:-python}
export PYTHONPATH=$PWD CROSSLOOM_CUDA_TESTS_ON=$device
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false

fail() { echo "error: $1" >&2; echo "help: $2" >&2; exit 2; }
command -v "$python" >/dev/null || fail "there is no \`$python\`" "set PYTHON to a Python of 3.11 or later"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "\`$python\` is older than 3.11" "set PYTHON"
"$python" -c 'import torch' 2>/dev/null || fail "\`$python\` has no torch" "install a CUDA build of torch, 2.10 or later"
for package in transformers pytest hypothesis sentencepiece soundfile jiwer tqdm; do
    "$python" -c "import $package" 2>/dev/null || fail "\`$python\` has no $package" "$python -m pip install '.[test]'"
done
if [ "$device" = cuda ]; then
    "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' ||
        fail "torch finds no CUDA device" "nvidia-smi shows whether there is one; \`torch.version.cuda\` what torch was built for"
    command -v cc >/dev/null || command -v gcc >/dev/null ||
        fail "there is no C compiler, which torch.compile needs" "install gcc; eager mode and graphs work without"
fi

mkdir -p "$folder"
started=$SECONDS
echo "1/3 correctness on $device (at most 170 s), in $folder/tests.txt"
tests=0
timeout 170 "$python" -m pytest -q -m cuda tests/cuda -n 4 -p no:cacheprovider >"$folder/tests.txt" 2>&1 || tests=$?
tail -n 15 "$folder/tests.txt"
[ "$tests" = 124 ] && echo "the tests were stopped after 170 s: what they had shown is in $folder/tests.txt"

echo "2/3 what needs no device (at most 60 s)"
timeout 60 "$python" -m benchmarks --rows check,emit --rounds 3 --json "$folder/host.json" ||
    echo "these rows have failed or took too long"

left=$((450 - (SECONDS - started)))
echo "3/3 speed on $device (at most $left s)"
rounds=7
rows=()
if [ "$device" = cpu ]; then
    rounds=1
    rows=(--rows "${DRY_ROWS:-greedy,beam-5,encode,encode-bfloat16,speech,load,line-pair,translator,train}")
fi
"$python" -m benchmarks.cuda "$folder" --device "$device" --rounds "$rounds" --seconds "$((left - 40))" ${rows[@]+"${rows[@]}"}
echo "$((SECONDS - started)) s in all; tests ended with $tests (0: all passed)"
exit "$tests"
