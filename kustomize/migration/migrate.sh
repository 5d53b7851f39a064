#!/bin/sh
# Copies every line of plan.txt, then compares. Killed at any moment, it goes on where it was when started again.
# Exit code 2: somebody has to look. Any other failure passes: the Job tries again.
set -eu

plan=$(dirname "$0")/plan.txt
found=$TMPDIR/verify
progress='--stats=30s --stats-one-line --stats-log-level=NOTICE'

look() { echo "$*" >&2; exit 2; }

case $DRY_RUN in true | false) ;; *) look "DRY_RUN is true or false, not '$DRY_RUN'" ;; esac
case $VERIFY in download | checksum) ;; *) look "VERIFY is download or checksum, not '$VERIFY'" ;; esac

each_line() {
  awk 'NF > 0 && $1 !~ /^#/' "$plan"
}

total=$(each_line | wc -l)
[ "$total" -gt 0 ] || look 'plan.txt has no line to copy'
each_line | awk 'NF != 2 { print "plan.txt: not a source and a target: " $0; faulty = 1 } END { exit faulty }' >&2 || exit 2

# SeaweedFS makes a missing bucket of an admin's first write, also of a name with a slip of the pen in it.
each_line | while read -r source target; do
  for bucket in "source:${source%%/*}" "target:${target%%/*}"; do
    status=0
    said=$(rclone lsf --max-depth 1 "$bucket" 2>&1 >/dev/null) || status=$?
    case $status:$said in
      0:*) ;;
      3:*) look "there is no bucket ${bucket#*:} in the ${bucket%%:*}" ;;
      *'code: 403'* | *'Code: 403'*) look "the ${bucket%%:*} refuses to list the bucket ${bucket#*:} with this key" ;;
      *) echo "$said" >&2; exit "$status" ;;
    esac
  done
done

# What the target has newer stays: it was written by somebody who has moved already.
copy() {
  rclone copy --update --metadata $progress "$@" "source:$source" "target:$target"
}

lines_of() { if [ -e "$1" ]; then wc -l <"$1" | tr -d ' '; else echo 0; fi; }

verify() {
  rm -rf "$found"
  mkdir "$found"
  how=
  if [ "$VERIFY" = download ]; then how=--download; fi
  status=0
  rclone check --one-way $how $progress --match "$found/same" --differ "$found/different" \
    --missing-on-dst "$found/missing" --error "$found/unreadable" \
    "source:$source" "target:$target" || status=$?
  same=$(lines_of "$found/same") different=$(lines_of "$found/different")
  missing=$(lines_of "$found/missing") unreadable=$(lines_of "$found/unreadable")
  for reason in missing different unreadable; do
    if [ -e "$found/$reason" ]; then sed "s/^/$reason: /" "$found/$reason"; fi
  done
  echo "$source: $((same + different + missing + unreadable)) objects: $same the same in $target," \
    "$missing missing, $different different, $unreadable unreadable"
  case $((missing + different + unreadable)):$status in
    0:0) ;;
    0:*) exit "$status" ;;
    *) echo "$source" >>"$TMPDIR/not-the-same" ;;
  esac
}

rm -f "$TMPDIR/not-the-same"
number=0
each_line >"$TMPDIR/plan"
while read -r source target <&3; do
  number=$((number + 1))
  echo "$number of $total: $source to $target"
  rclone size "source:$source"
  if [ "$DRY_RUN" = true ]; then
    copy --dry-run
  else
    copy
    verify
  fi
done 3<"$TMPDIR/plan"

if [ "$DRY_RUN" = true ]; then
  echo 'dry run: nothing was written'
elif [ -e "$TMPDIR/not-the-same" ]; then
  look "not the same: $(tr '\n' ' ' <"$TMPDIR/not-the-same")"
else
  echo 'all is copied, and the same'
fi
