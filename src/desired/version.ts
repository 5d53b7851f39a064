/** Of versions such as `4.48`, number by number: 4.9 is older than 4.10. */
export function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}
