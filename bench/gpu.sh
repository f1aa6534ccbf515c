#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: sets up with the CUDA build of TensorFlow, runs the tests of the numerics on the device, and
# measures training steps: tokens/s and the share of the card's peak.
#
#   bash bench/gpu.sh [--no-tests] [BENCH…]     further benches of ours, of `npm run bench`, after the throughput
#
# CUDA_VISIBLE_DEVICES says which GPU; by default the first. Exit: 0, 1 where something failed, 2 where there is no GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'gpu.sh: %s\n' "$*" >&2; }
# fail STATUS MESSAGE FIX
fail() {
  printf 'gpu.sh: %s\n  fix: %s\n' "$2" "$3" >&2
  exit "$1"
}

tests=yes
benches=()
for argument in "$@"; do
  case "$argument" in
    --no-tests) tests=no ;;
    -*) fail 1 "there is no option $argument" 'bash bench/gpu.sh [--no-tests] [BENCH…]' ;;
    *) benches+=("$argument") ;;
  esac
done

command -v nvidia-smi > /dev/null || fail 2 'there is no NVIDIA GPU here: nvidia-smi is not found' "run this on a machine with a GPU and its driver; for figures of this machine's processor: npm run bench"
if ! listed=$(nvidia-smi -L 2>&1) || ! grep -q '^GPU [0-9]' <<< "$listed"; then
  fail 2 "nvidia-smi finds no GPU: ${listed:-it says nothing}" 'start the machine with a GPU, or the container with --gpus all, and look at nvidia-smi'
fi
command -v node > /dev/null || fail 1 'node is not found' 'install Node 22 or 20'

export CUDA_DEVICE_ORDER=PCI_BUS_ID
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}"
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES%%,*}"
say "device $CUDA_VISIBLE_DEVICES of"
printf '%s\n' "$listed" >&2
nvidia-smi --query-gpu=index,name,driver_version,memory.total,clocks.max.sm --format=csv >&2 || true

say 'set-up, with CUDA'
export BLISS_DEVICE=gpu
node setup/setup.mjs
libraries=$(node -e "process.stdout.write(require('./node_modules/.bliss-setup.json').libraryPath.join(':'))")
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export TF_FORCE_GPU_ALLOW_GROWTH=true

say 'TensorFlow on the device'
probe=$(node dist/cli/doctor/probe-tensorflow.js) || fail 1 'TensorFlow does not load' 'look at what it said above, and at npx bliss doctor'
[[ $probe == *'"gpu":true'* ]] || fail 1 "TensorFlow does not see the GPU: $probe" 'what it said above names the library that is missing, or the driver is too old for CUDA 12.9 (nvidia-smi shows its version)'

failed=()
if [[ $tests == yes ]]; then
  say 'tests of the numerics, on the device'
  node setup/test.mjs test/tensor test/models test/optim test/bilevel test/programs test/fixtures-suite test/stages || failed+=('the tests of the numerics')
fi

for bench in throughput ${benches[@]+"${benches[@]}"}; do
  say "bench $bench, on the device"
  node dist/bench/main.js "$bench" --no-pytorch || failed+=("the bench $bench")
done

if ((${#failed[@]} > 0)); then
  for what in "${failed[@]}"; do say "failed: $what"; done
  exit 1
fi
say 'all went through'
