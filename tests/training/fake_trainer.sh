#!/bin/sh
# Speaks the trainer's protocol the way a test wants it: FAKE names the behaviour. It is called as the interpreter would
# be (-P -u -m streetwise_train train --run DIR [--resume]) and needs nothing but a shell.
# As the real trainer, it goes on when nobody reads its output any more.
trap '' PIPE
resumed=false
painting=false
while [ $# -gt 0 ]; do
  case "$1" in
    --run) run=$2; shift ;;
    --resume) resumed=true ;;
    activations) painting=true ;;
    --out) out=$2; shift ;;
  esac
  shift
done
events=$run/events.jsonl
touch "$events"
echo "$$" >> "$run/pids"

# say TYPE [,FIELDS]: one line to both places, numbered on.
say() {
  seq=$(wc -l < "$events")
  line="{\"type\":\"$1\",\"seq\":$((seq)),\"time\":$(date +%s).5$2}"
  echo "$line" >> "$events"
  echo "$line"
}
hello() { say hello ",\"v\":${1:-1},\"run\":\"${run##*/}\",\"pid\":$$,\"resumed\":$resumed"; }
phase() { say phase ",\"name\":\"$1\",\"index\":$2,\"of\":7"; }
epoch() {
  say metrics ",\"epoch\":$1,\"epochs\":2,\"stage\":\"train\",\"train_loss\":1.5,\"valid_loss\":1.2,\"accuracy\":0.5,\"accuracy_multi\":0.7,\"f1\":0.4,\"top3\":1.0,\"top5\":1.0,\"macro_f1\":0.$((40 + $1)),\"ece\":0.1,\"per_country_f1\":{\"AU\":0.5,\"JP\":null},\"lr\":0.001,\"seconds\":1.5,\"memory\":1000"
  say checkpoint ",\"epoch\":$1,\"batch\":0,\"path\":\"checkpoint.safetensors\",\"sha256\":\"00\""
}
progress() { say progress ",\"phase\":\"train\",\"epoch\":1,\"epochs\":2,\"batch\":1,\"batches\":4,\"done\":16,\"total\":64,\"eta_s\":9.5"; }
stopped() { say stopped ",\"epoch\":1,\"batch\":1,\"why\":\"$1\""; exit 0; }
finish() {
  grep -q '"export": true' "$run/job.json" && [ -d "$FAKE_MODEL" ] && cp -r "$FAKE_MODEL" "$run/model"
  echo '{"countries":["AU","BR","JP"],"top1":0.5,"top3":1,"top5":1,"balanced_top1":0.5,"balanced_top3":1,"balanced_top5":1,"macro_f1":0.4,"chance":0.3333,"places":3,"images":3}' > "$run/evaluation.json"
  say done ',"seconds":{"train":3.0},"metrics":{}'
  exit 0
}

# Paints what it has, and says so apart from the run's own events.
if $painting; then
  mkdir -p "$out" && events=$out/events.jsonl && touch "$events"
  hello; phase activations 1
  say progress ',"phase":"activations","done":1,"total":2,"eta_s":0.1'
  cp "$FAKE_MODEL/reference/000.png" "$out/AU.png"
  echo '{"countries":[{"country":"AU","file":"AU.png","probability":0.98}]}' > "$out/activations.json"
  say done ',"seconds":{"activations":0.1},"metrics":{}'
  exit 0
fi

case "$FAKE" in
  good) hello; phase train 5; progress; epoch 1; epoch 2; phase export 7; finish ;;
  noisy)
    echo "Downloading something: 100 %"
    head -c 204800 /dev/zero | tr '\0' e >&2
    hello
    head -c 10485760 /dev/zero | tr '\0' x; echo
    echo '{"type":"future","seq":1,"time":1}'
    phase train 5; epoch 1; epoch 2; finish ;;
  v2) hello 2; read -r _; exit 0 ;;
  dies)
    hello
    if $resumed; then epoch 2; finish; fi
    phase train 5; epoch 1
    printf '{"type":"heart' >> "$events"
    echo "Segmentation fault" >&2
    kill -9 $$ ;;
  fails) hello; say error ',"kind":"disk-full","message":"no space for the checkpoint","hint":"free 150 MB"'; exit 1 ;;
  # Works until it is told to stop; the end of its input says that the app is gone.
  waits)
    hello
    if $resumed; then epoch 2; finish; fi
    phase train 5; epoch 1
    while read -r line; do
      case "$line" in *stop*) stopped asked ;; esac
    done
    stopped parent ;;
  # Hears nothing, and has a child that holds the pipe.
  deaf)
    hello; phase train 5
    sleep 300 & echo "$!" >> "$run/pids"
    sleep 300 & echo "$!" >> "$run/pids"
    wait; wait ;;
  # Ends well and leaves a child behind that holds the pipe.
  leaves) hello; sleep 300 & echo "$!" >> "$run/pids"; epoch 1; epoch 2; finish ;;
esac
exit 3
