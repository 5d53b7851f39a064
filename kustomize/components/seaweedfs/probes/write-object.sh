# Only what cannot be read is written: a server whose disk is full must still start, and serve what it has.
. "${0%/*}/object.sh"
is_readable || {
  object PUT "$bucket" || true # it may be there, from a start that was cut short
  object PUT "$key" --data-raw "$content"
}
# A bucket that is there already is refused, and listed instead.
for name in ${BUCKETS:-}; do
  object PUT "$S3_URL/$name" || object GET "$S3_URL/$name" >/dev/null
done
is_readable
