# Only what cannot be read is written: a store whose disk is full must still be served, with what it has.
. "${0%/*}/object.sh"
is_readable || {
  object PUT "$bucket" || true # it may be there, from a start that was cut short
  object PUT "$key" --data-raw "$content"
  is_readable
}
# Another gateway may be the one that makes it.
for name in ${BUCKETS:-}; do
  listed="$S3_URL/$name"
  object GET "$listed" >/dev/null || object PUT "$listed" || object GET "$listed" >/dev/null
done
