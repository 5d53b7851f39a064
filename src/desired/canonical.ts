/**
 * A document as text in which two that mean the same are equal: SeaweedFS gives documents back with other
 * key order and with one-element arrays as scalars.
 */
export function canonicalText(document: unknown): string {
  return JSON.stringify(canonical(document) ?? null)
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(canonical)
    return items.length === 1 ? items[0] : items
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, item]) => [key, canonical(item)] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
